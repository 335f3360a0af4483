/** What the suite of faults asks the API server of links and pods. */
import assert from 'node:assert/strict'
import { linkPath, type LoadedLink } from './fault-load.ts'
import type { TestCluster } from './test-cluster.ts'

type Cluster = Pick<TestCluster, 'api'>

interface Pod {
  metadata: { name: string }
  status: {
    phase: string
    containerStatuses?: {
      restartCount: number
      lastState: { terminated?: { exitCode: number } }
    }[]
  }
}

/** Fails unless the condition has that status; resolves with its message. */
export async function conditionIs(
  { api }: Cluster,
  { namespace, name }: LoadedLink,
  type: string,
  status: string,
): Promise<string> {
  const { status: told } = await api.object<{
    status?: { conditions: { type: string; status: string; message: string }[] }
  }>('GET', linkPath(namespace, name))
  const found = told?.conditions.find((each) => each.type === type)
  assert.equal(found?.status, status, `${name}: ${type}: ${found?.message}`)
  return found?.message ?? ''
}

/** By pod: how often its only container began again, and how it ended last. */
export async function restartsOf(
  cluster: Cluster,
  namespace: string,
): Promise<Map<string, { count: number; code: number | undefined }>> {
  const pods = await podsOf(cluster, namespace)
  return new Map(
    pods.map(({ metadata, status: { containerStatuses: [container] = [] } }) => [
      metadata.name,
      { count: container?.restartCount ?? 0, code: container?.lastState.terminated?.exitCode },
    ]),
  )
}

/** Fails unless so many pods of these names run. */
export async function assertRunning(
  cluster: Cluster,
  namespace: string,
  names: RegExp,
  count: number,
): Promise<void> {
  const pods = await podsOf(cluster, namespace)
  const found = pods.filter(
    ({ metadata, status }) => names.test(metadata.name) && status.phase === 'Running',
  )
  assert.equal(found.length, count, pods.map(({ metadata }) => metadata.name).join())
}

async function podsOf({ api }: Cluster, namespace: string): Promise<Pod[]> {
  return (await api.object<{ items: Pod[] }>('GET', `/api/v1/namespaces/${namespace}/pods`)).items
}
