/** Makes pods of Deployments, StatefulSets and Jobs, as Kubernetes' own controllers do. */
import { randomBytes } from 'node:crypto'
import type { Kind, KubeObject } from '../../api/objects.ts'
import type { Cluster } from '../../kube/cluster.ts'
import type { Log } from '../../telemetry/log.ts'
import { startLoop, type Loop } from '../loop.ts'
import { podKind, type Pod } from '../pod.ts'
import { deploymentKind, planDeployment, type Deployment } from './deployment.ts'
import { jobKind, planJob, type Job } from './job.ts'
import { planStatefulSet, statefulSetKind, type StatefulSet } from './stateful-set.ts'
import type { WorkloadPlan } from './workload.ts'

const planners: readonly [
  kind: Kind,
  plan: (object: KubeObject, pods: readonly Pod[], now: string) => WorkloadPlan,
][] = [
  [deploymentKind, (object, pods) => planDeployment(object as Deployment, pods, { suffix })],
  [statefulSetKind, (object, pods) => planStatefulSet(object as StatefulSet, pods)],
  [jobKind, (object, pods, now) => planJob(object as Job, pods, { suffix, now })],
]

export function startWorkloads(cluster: Cluster, log: Log): Loop {
  return startLoop({
    cluster,
    log,
    name: 'workloads',
    sources: [
      ...planners.map(([kind]) => ({
        kind,
        keys: ({ metadata }: KubeObject) => [keyFor(kind.kind, metadata.namespace, metadata.name)],
      })),
      { kind: podKind, keys: ownerKeys },
    ],
    async reconcile(key) {
      const [of = '', namespace = '', name = ''] = key.split('/')
      const [kind, plan] = planners.find(([each]) => each.kind === of) ?? []
      if (kind === undefined || plan === undefined) return undefined
      const object = await cluster.get({ ...kind, namespace, name })
      if (object === undefined || object.metadata.deletionTimestamp !== undefined) return undefined
      const { uid = '' } = object.metadata
      const all = await cluster.list<Pod>(podKind, { namespace })
      const pods = all.filter(({ metadata }) =>
        metadata.ownerReferences?.some((owner) => owner.uid === uid),
      )
      const { claims, create, remove, status } = plan(object, pods, new Date().toISOString())
      for (const claim of claims) await makeUnlessThere(cluster, claim)
      await Promise.all([
        ...create.map((pod) => cluster.create(pod)),
        ...remove.map(({ metadata }) =>
          cluster.delete({ ...podKind, namespace, name: metadata.name }),
        ),
      ])
      await cluster.applyStatus({
        ...kind,
        metadata: { name, namespace, uid },
        status: { ...status },
      })
      return undefined
    },
  })
}

async function makeUnlessThere(cluster: Cluster, object: KubeObject): Promise<void> {
  const { apiVersion, kind, metadata } = object
  const { name, namespace = 'default' } = metadata
  if ((await cluster.get({ apiVersion, kind, namespace, name })) === undefined) {
    await cluster.create(object)
  }
}

function keyFor(kind: string, namespace: string | undefined, name: string): string {
  return `${kind}/${namespace ?? 'default'}/${name}`
}

function ownerKeys({ metadata }: KubeObject): string[] {
  return (metadata.ownerReferences ?? [])
    .filter((owner) => planners.some(([{ kind }]) => kind === owner.kind))
    .map((owner) => keyFor(owner.kind, metadata.namespace, owner.name))
}

/** As Kubernetes names pods: no vowels, so that no words come about. */
function suffix(): string {
  const letters = 'bcdfghjklmnpqrstvwxz2456789'
  return [...randomBytes(5)].map((byte) => letters[byte % letters.length]).join('')
}
