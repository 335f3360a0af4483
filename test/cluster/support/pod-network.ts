/** The network of in-pod-network.sh, in which every address of the pods' range is this machine. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { networkInterfaces } from 'node:os'
import { fileURLToPath } from 'node:url'

/** What addresses of pods begin with. */
export const podRange = '10.245.'
const inPodNetwork = fileURLToPath(new URL('../in-pod-network.sh', import.meta.url))

/** Whether addresses of pods are this machine's. */
export function hasPodNetwork(): boolean {
  return Object.values(networkInterfaces())
    .flat()
    .some((each) => each?.address.startsWith(podRange) === true)
}

/** For suites that run pods as processes: false where they can, else why they are skipped. */
export const skipOutsidePodNetwork = hasPodNetwork() ? false : 'run by in-pod-network.sh'

/** Why there can be none here; undefined where there can. */
export function podNetworkProblem(): string | undefined {
  const { status, stderr, error } = spawnSync(inPodNetwork, ['true'], { encoding: 'utf8' })
  return status === 0 ? undefined : `${stderr.trim() || error?.message}`
}

/** Runs this very program once more, in that network; resolves with its exit code. */
export async function againInPodNetwork(started?: (child: ChildProcess) => void): Promise<number> {
  const child = spawn(inPodNetwork, [process.execPath, ...process.argv.slice(1)], {
    stdio: 'inherit',
  })
  started?.(child)
  const [code] = (await once(child, 'exit')) as [number | null]
  return code ?? 1
}
