/**
 * `npm run cluster [-- --folder DIR]` leaves a cluster running for a person to use; `npm run cluster -- down` ends it. It
 * begins empty each time. Linux only, as it looks into /proc.
 */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { startGuardian } from '../../src/local/runtime/guardian.ts'
import { eventually } from '../support/eventually.ts'
import { binary, clusterHome } from './support/binaries.ts'
import { buildBinaries } from './support/build-binaries.ts'
import { readAddress, sharedVariable, startCluster } from './support/test-cluster.ts'

const { values, positionals } = parseArgs({
  options: { folder: { type: 'string', default: join(clusterHome(), 'left-running') } },
  allowPositionals: true,
})
const run = resolve(values.folder)
const processesFile = join(run, 'processes.json')
const [command = 'up', ...more] = positionals
if (more.length > 0 || !['up', 'down'].includes(command)) {
  console.error(`Expected up or down, got ${positionals.join(' ')}`)
  process.exit(2)
}
if (command === 'up') await up()
else {
  const count = await down()
  console.log(count === 0 ? `No cluster runs in ${run}` : `The cluster in ${run} is gone`)
}

async function up(): Promise<void> {
  const all = processes()
  if (all.length > 0 && all.every(isAlive)) return tell('runs already')
  if (!(await buildBinaries())) process.exit(1)
  await down()
  const began = Date.now()
  // Should this process be killed before all is up, nothing is left.
  const guardian = startGuardian(run)
  const { cluster, daemons } = await startCluster(run, { certManager: true, kwok: true }, guardian)
  writeFileSync(processesFile, JSON.stringify(daemons.pids()))
  daemons.release()
  await guardian.close()
  cluster.api.close()
  tell(`is up after ${((Date.now() - began) / 1000).toFixed(1)} s`)
}

/** Resolves with the number of processes that were ended. */
async function down(): Promise<number> {
  const left = processes().filter(isAlive)
  // Nothing is to be kept, so nothing needs time.
  for (const { pid } of left) process.kill(pid, 'SIGKILL')
  await eventually('all processes are gone', () => {
    const name = left.find(isAlive)?.name
    if (name !== undefined) throw new Error(`${name} still runs`)
  })
  rmSync(run, { recursive: true, force: true })
  return left.length
}

function tell(how: string): void {
  const { kubeconfig, url } = readAddress(run)
  const given = values.folder === join(clusterHome(), 'left-running') ? '' : ` --folder ${run}`
  console.log(
    [
      `The cluster ${how}: ${url}, with cert-manager and a fake node, fake1 (pods name it: there is no scheduler)`,
      `  export KUBECONFIG=${kubeconfig}`,
      `  export PATH=${dirname(binary('kubectl'))}:$PATH      # kubectl and helm of its version`,
      `  helm install logstash-link charts/logstash-link --namespace logstash-link-system --create-namespace      # README.md goes on`,
      `  npm run cluster -- down${given}      # ends it`,
      `  ${sharedVariable}=${run} npm run test:only -- test/cluster/FILE      # runs a suite on it, after kubectl apply --server-side -f crds`,
    ].join('\n'),
  )
}

interface Left {
  name: string
  pid: number
}

function processes(): Left[] {
  if (!existsSync(processesFile)) return []
  const left = JSON.parse(readFileSync(processesFile, 'utf8')) as Record<string, number>
  return Object.entries(left).map(([name, pid]) => ({ name, pid }))
}

/** A pid alone may belong to someone else by now; each part has its name in its command. */
function isAlive({ name, pid }: Left): boolean {
  try {
    const [program = ''] = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
    return program.endsWith(`/${name}`)
  } catch {
    // ENOENT: there is no such process.
    return false
  }
}
