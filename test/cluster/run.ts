/**
 * `npm run test:cluster [-- FILE…]`: builds what is missing, starts the cluster that all suites share, runs the suites one
 * after another, ends all. Should this process be killed, the cluster's guardian ends the cluster.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { buildBinaries } from './support/build-binaries.ts'
import { sharedVariable, startTestCluster } from './support/test-cluster.ts'

const suites = 'test/cluster/*.cluster.ts'
const limitMs = 300_000

const given = process.argv.slice(2)
const files = given.some((argument) => !argument.startsWith('-')) ? given : [...given, suites]

if (!(await buildBinaries())) process.exit(1)

let tests: ChildProcess | undefined
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  // Ctrl-C in a terminal reaches the tests by itself.
  process.on(signal, () => signal === 'SIGINT' || tests?.kill(signal))
}

const began = Date.now()
const cluster = await startTestCluster({ crd: true, certManager: true, kwok: true })
console.error(
  `The cluster is up after ${((Date.now() - began) / 1000).toFixed(1)} s: ${cluster.run}`,
)
try {
  tests = spawn(
    process.execPath,
    ['--test', '--test-concurrency=1', `--test-timeout=${limitMs}`, ...files],
    { stdio: 'inherit', env: { ...process.env, [sharedVariable]: cluster.run } },
  )
  const [code] = (await once(tests, 'exit')) as [number | null]
  process.exitCode = code ?? 1
} finally {
  await cluster.stop()
}
