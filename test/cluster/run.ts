/**
 * `npm run test:cluster [-- FILE…]`: builds what is missing, enters a network in which pods have addresses, starts the
 * cluster that all suites share, runs the suites one after another, ends all. Should this process be killed, the cluster's
 * guardian ends the cluster.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { buildBinaries } from './support/build-binaries.ts'
import { hasPodNetwork } from './support/process-node.ts'
import { sharedVariable, startTestCluster } from './support/test-cluster.ts'

const suites = 'test/cluster/*.cluster.ts'
const limitMs = 300_000

const given = process.argv.slice(2)
const files = given.some((argument) => !argument.startsWith('-')) ? given : [...given, suites]

let child: ChildProcess | undefined
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  // Ctrl-C in a terminal reaches the tests by itself.
  process.on(signal, () => signal === 'SIGINT' || child?.kill(signal))
}

if (!hasPodNetwork()) {
  // Building fetches modules, which that network cannot.
  if (!(await buildBinaries())) process.exit(1)
  const inPodNetwork = fileURLToPath(new URL('in-pod-network.sh', import.meta.url))
  const trial = spawnSync(inPodNetwork, ['true'], { encoding: 'utf8' })
  if (trial.status === 0) {
    child = spawn(inPodNetwork, [process.execPath, ...process.argv.slice(1)], { stdio: 'inherit' })
    const [code] = (await once(child, 'exit')) as [number | null]
    process.exit(code ?? 1)
  }
  console.error(
    `Suites that run pods as processes are left out: a network for them needs unshare, ip and the right to make one (${trial.stderr.trim() || trial.error?.message})`,
  )
}

const began = Date.now()
const cluster = await startTestCluster({ crd: true, certManager: true, kwok: true })
console.error(
  `The cluster is up after ${((Date.now() - began) / 1000).toFixed(1)} s: ${cluster.run}`,
)
try {
  child = spawn(
    process.execPath,
    ['--test', '--test-concurrency=1', `--test-timeout=${limitMs}`, ...files],
    { stdio: 'inherit', env: { ...process.env, [sharedVariable]: cluster.run } },
  )
  const [code] = (await once(child, 'exit')) as [number | null]
  process.exitCode = code ?? 1
} finally {
  await cluster.stop()
}
