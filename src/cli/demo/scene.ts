/** The demo's stage: the example manifests on `local`, and where its pods are. */
import { fileURLToPath } from 'node:url'
import { request } from 'undici'
import { readInjection } from '../../api/injection.ts'
import { apiVersion, kind, type Role } from '../../api/names.ts'
import type { KubeObject } from '../../api/objects.ts'
import type { LogstashLink } from '../../api/link.ts'
import { conditionLines } from '../local-screen.ts'
import type { Local } from '../../local/local.ts'
import { mappedPorts } from '../../local/port-mapping.ts'
import { readManifests } from '../../local/manifests.ts'
import { isReady, podKind, type Pod } from '../../local/pod.ts'

export const namespace = 'shop'
export const linkName = 'orders'
const examples = fileURLToPath(new URL('../../../deploy/examples', import.meta.url))

/** @param maxEvents ceiling of one batch; the link's own where it is absent */
export async function demoManifests(maxEvents: number | undefined): Promise<KubeObject[]> {
  const manifests = await readManifests([examples], async () => '')
  if (maxEvents === undefined) return manifests
  return manifests.map((object) => (object.kind === kind ? withBatch(object, maxEvents) : object))
}

function withBatch(link: KubeObject, maxEvents: number): KubeObject {
  const spec = link['spec'] as { sender: object }
  return { ...link, spec: { ...spec, sender: { ...spec.sender, batch: { maxEvents } } } }
}

export interface Scene {
  /** Base URLs of the web pods' applications, and of the senders beside them. */
  web: { pod: string; url: string; collect: string; health: string }[]
  indexers: { pod: string; url: string; health: string }[]
}

/** The link's conditions and hosts, as they are now. */
export async function tellLink({ cluster }: Local, tell: (line: string) => void): Promise<void> {
  const link = await cluster.get<LogstashLink>({ apiVersion, kind, namespace, name: linkName })
  tell(`conditions of link ${namespace}/${linkName}:`)
  for (const line of link === undefined ? [] : conditionLines(link)) tell(line)
}

/** undefined until the link and all pods are ready and all senders have taken up all receivers. */
export async function currentScene(local: Local): Promise<Scene | undefined> {
  const { cluster } = local
  const link = await cluster.get<LogstashLink>({ apiVersion, kind, namespace, name: linkName })
  const pods = await cluster.list<Pod>(podKind, { namespace })
  const indexers = pods.filter(({ metadata }) => metadata.labels?.['app'] === 'indexer')
  const web = pods.filter(({ metadata }) => metadata.labels?.['app'] === 'web')
  const hosts = link?.status?.hostCount ?? 0
  if (web.length < 2 || indexers.length < 3 || hosts < indexers.length) return undefined
  if (!pods.every(isReady)) return undefined
  if (!link?.status?.conditions?.some((each) => each.type === 'Ready' && each.status === 'True')) {
    return undefined
  }
  const collect = link.spec.sender?.collect.http?.port
  const scene: Scene = {
    web: web.map((pod) => ({
      pod: pod.metadata.name,
      url: `http://${pod.status?.podIP}:${portOf(pod, 8080)}`,
      collect: `http://${pod.status?.podIP}:${portOf(pod, collect ?? 0)}`,
      health: `http://${pod.status?.podIP}:${healthPort(pod, 'sender')}`,
    })),
    indexers: indexers.map((pod) => ({
      pod: pod.metadata.name,
      url: `http://${pod.status?.podIP}:${portOf(pod, 8080)}`,
      health: `http://${pod.status?.podIP}:${healthPort(pod, 'receiver')}`,
    })),
  }
  const known = await Promise.all(scene.web.map(async ({ health }) => knownHosts(health)))
  return known.every((count) => count === indexers.length) ? scene : undefined
}

function portOf(pod: Pod, port: number): number {
  return mappedPorts(pod)[port] ?? port
}

function healthPort({ metadata }: Pod, role: Role): number | undefined {
  return readInjection(metadata.annotations, linkName, role)?.healthPort
}

/** The ConfigMap reaches a sender some time after it was written. */
async function knownHosts(health: string): Promise<number> {
  try {
    const { body } = await request(`${health}/status`, { headersTimeout: 2000 })
    const { hosts = [] } = (await body.json()) as { hosts?: { removed?: boolean }[] }
    return hosts.filter(({ removed }) => !removed).length
  } catch {
    // Not listening yet: whoever asks comes again.
    return 0
  }
}
