/** Reads the workloads behind pods, live: nobody watches them. */
import type { LogstashLink } from '../api/link.ts'
import { annotations, type Role } from '../api/names.ts'
import type { KubeObject, ObjectKey } from '../api/objects.ts'
import type { ObservedPod } from '../api/observed.ts'
import type { OperatorOptions } from '../api/operator-options.ts'
import { restartableKinds } from '../api/workload.ts'
import { inject } from '../injector/inject.ts'
import type { Cluster } from '../kube/cluster.ts'
import type { Workload } from '../rollout/next-restarts.ts'
import { progressOf } from '../rollout/progress.ts'
import { readWants, wantsOf } from '../rollout/wants.ts'

const apps = 'apps/v1'

interface WithTemplate extends KubeObject {
  spec?: { template?: { metadata?: KubeObject['metadata']; spec?: object } }
}

export interface WorkloadReader {
  /** Undefined where no workload of that name made the pods, or none that is ours to restart. */
  read(name: string, pods: readonly ObservedPod[]): Promise<WithTemplate | undefined>
}

/** ReplicaSets whose owner is remembered; the oldest go first. */
const maxRemembered = 10_000

export function createWorkloadReader(cluster: Cluster): WorkloadReader {
  /** uid of a ReplicaSet → uid of the Deployment that made it, empty where none did. */
  const makers = new Map<string, string>()

  const makerOf = async (namespace: string, owner: NonNullable<ObservedPod['owner']>) => {
    if (owner.apiVersion !== apps) return ''
    if (owner.kind !== 'ReplicaSet') return owner.uid
    const known = makers.get(owner.uid)
    if (known !== undefined) return known
    const set = await cluster.get({
      apiVersion: apps,
      kind: 'ReplicaSet',
      namespace,
      name: owner.name,
    })
    const maker = set?.metadata.ownerReferences?.find(({ controller }) => controller === true)
    const isDeployment = maker?.apiVersion === apps && maker.kind === 'Deployment'
    const uid = set?.metadata.uid === owner.uid && isDeployment ? maker.uid : ''
    const [oldest] = makers.size < maxRemembered ? [] : makers.keys()
    if (oldest !== undefined) makers.delete(oldest)
    makers.set(owner.uid, uid)
    return uid
  }

  return {
    async read(name, pods) {
      const key = workloadKey(name, pods[0]?.namespace ?? '')
      if (!restartableKinds.includes(key.kind)) return undefined
      const owners = new Map(pods.flatMap(({ owner }) => (owner ? [[owner.uid, owner]] : [])))
      const uids = new Set<string>()
      for (const owner of owners.values()) uids.add(await makerOf(key.namespace ?? '', owner))
      // A name alone proves nothing: other groups have StatefulSets, and names come again.
      const object = await cluster.get<WithTemplate>(key)
      const isMaker = uids.size === 1 && uids.has(object?.metadata.uid ?? 'none')
      return isMaker && object?.metadata.deletionTimestamp === undefined ? object : undefined
    },
  }
}

export function workloadKey(name: string, namespace: string): ObjectKey {
  const slash = name.indexOf('/')
  return {
    apiVersion: apps,
    kind: name.slice(0, slash),
    namespace,
    name: name.slice(slash + 1),
  }
}

/** What the next pods of a workload's template would be given, by the very function that gives it. */
export function describeWorkload(
  object: WithTemplate,
  context: {
    name: string
    link: LogstashLink
    links: readonly LogstashLink[]
    options: OperatorOptions
  },
): Omit<Workload, 'lackingForMs'> {
  const { name, link, links, options } = context
  const { namespace = '', uid = '' } = object.metadata
  const { metadata, spec } = object.spec?.template ?? {}
  const pod: KubeObject = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { ...metadata, name: '', namespace },
    spec: { containers: [], ...spec },
  }
  const { injected, skipped } = inject({ pod, namespace, links, options })
  const byName = new Map(links.map((each) => [each.metadata.name, each]))
  const wanted = [...injected, ...skipped].flatMap(({ link: of, role }) => {
    const found = byName.get(of)
    return found === undefined ? [] : [{ link: found, role }]
  })
  const comes = (role: Role) =>
    injected.some((each) => each.link === link.metadata.name && each.role === role)
  const leftOut = (role: Role): Partial<Record<Role, string>> => {
    const why = skipped.find((each) => each.link === link.metadata.name && each.role === role)
    const message = why?.message ?? 'The labels of its template are not those of the selector.'
    return comes(role) ? {} : { [role]: message }
  }
  return {
    name,
    uid,
    progress: progressOf(object),
    wants: wantsOf(wanted),
    restartedFor: readWants(metadata?.annotations?.[annotations.restartedFor]),
    leftOut: { ...leftOut('receiver'), ...leftOut('sender') },
  }
}
