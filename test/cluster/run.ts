/**
 * `npm run test:cluster [-- FILE…] [--again] [--test-…]`: builds what is missing, enters a network in which pods have
 * addresses, starts the cluster that all suites share, runs the suites one after another, ends all. Should this process be
 * killed, the cluster's guardian ends the cluster.
 *
 * --again runs a suite that failed once more, alone, at the end, and says so: on a machine that others use too, an API
 * server that gets no CPU for half a minute is a fault that no suite made. What fails twice fails.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { globSync } from 'node:fs'
import { buildBinaries } from './support/build-binaries.ts'
import { againInPodNetwork, hasPodNetwork, podNetworkProblem } from './support/pod-network.ts'
import { sharedVariable, startTestCluster } from './support/test-cluster.ts'

const suites = 'test/cluster/*.cluster.ts'
/** Only where it is named: six minutes of faults under load, which two busy cores do not always bear. */
const onlyWhenNamed = 'test/cluster/faults.cluster.ts'
const limitMs = 300_000

const given = process.argv.slice(2)
const again = given.includes('--again')
const flags = given.filter((argument) => argument.startsWith('-') && argument !== '--again')
const named = given.filter((argument) => !argument.startsWith('-'))
const files = named.length > 0 ? named : globSync(suites, { exclude: [onlyWhenNamed] }).toSorted()

let child: ChildProcess | undefined
let isEnding = false
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    isEnding = true
    // Ctrl-C in a terminal reaches the tests by itself.
    if (signal !== 'SIGINT') child?.kill(signal)
  })
}

if (!hasPodNetwork()) {
  // Building fetches modules, which that network cannot.
  if (!(await buildBinaries())) process.exit(1)
  const problem = podNetworkProblem()
  if (problem === undefined) {
    process.exit(await againInPodNetwork((started) => (child = started)))
  }
  console.error(
    `Suites that run pods as processes are left out: a network for them needs unshare, ip and the right to make one (${problem})`,
  )
}

const began = Date.now()
const cluster = await startTestCluster({ crd: true, certManager: true, kwok: true })
console.error(
  `The cluster is up after ${((Date.now() - began) / 1000).toFixed(1)} s: ${cluster.run}`,
)
try {
  const failed = await runAll(files)
  const failedTwice = again ? await runAll(failed) : failed
  for (const file of failed) {
    const often = !again ? '' : failedTwice.includes(file) ? ' twice' : ' once, not the second time'
    console.error(`test:cluster: ${file} failed${often}`)
  }
  if (failedTwice.length > 0) process.exitCode = 1
} finally {
  await cluster.stop()
}

/** Those that failed. */
async function runAll(these: readonly string[]): Promise<string[]> {
  const failed: string[] = []
  for (const file of these) {
    if (isEnding) return [...failed, file]
    const start = Date.now()
    const code = await run(file)
    const seconds = ((Date.now() - start) / 1000).toFixed(0)
    console.error(`test:cluster: ${file} ${code === 0 ? 'ok' : 'failed'}, ${seconds} s`)
    if (code !== 0) failed.push(file)
  }
  return failed
}

async function run(file: string): Promise<number> {
  child = spawn(process.execPath, ['--test', `--test-timeout=${limitMs}`, ...flags, file], {
    stdio: 'inherit',
    env: { ...process.env, [sharedVariable]: cluster.run },
  })
  const [code] = (await once(child, 'exit')) as [number | null]
  return code ?? 1
}
