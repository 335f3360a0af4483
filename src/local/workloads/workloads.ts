/** Makes pods of Deployments, as Kubernetes' own controllers do. */
import { randomBytes } from 'node:crypto'
import type { KubeObject } from '../../api/objects.ts'
import type { Cluster } from '../../kube/cluster.ts'
import type { Log } from '../../telemetry/log.ts'
import { startLoop, type Loop } from '../loop.ts'
import { podKind, type Pod } from '../pod.ts'
import { deploymentKind, planDeployment, podOf, type Deployment } from './deployment.ts'

export function startWorkloads(cluster: Cluster, log: Log): Loop {
  return startLoop({
    cluster,
    log,
    name: 'workloads',
    sources: [
      { kind: deploymentKind, keys: ({ metadata }) => [keyFor(metadata.namespace, metadata.name)] },
      { kind: podKind, keys: ownerKeys },
    ],
    async reconcile(key) {
      const [namespace = '', name = ''] = key.split('/')
      const deployment = await cluster.get<Deployment>({ ...deploymentKind, namespace, name })
      if (deployment === undefined || deployment.metadata.deletionTimestamp !== undefined) {
        return undefined
      }
      const { uid = '' } = deployment.metadata
      const all = await cluster.list<Pod>(podKind, { namespace })
      const pods = all.filter(({ metadata }) =>
        metadata.ownerReferences?.some((owner) => owner.uid === uid),
      )
      const { create, remove, status } = planDeployment(deployment, pods)
      await Promise.all([
        ...Array.from({ length: create }, () => cluster.create(podOf(deployment, suffix()))),
        ...remove.map(({ metadata }) =>
          cluster.delete({ ...podKind, namespace, name: metadata.name }),
        ),
      ])
      await cluster.applyStatus({
        ...deploymentKind,
        metadata: { name, namespace, uid },
        status: { ...status },
      })
      return undefined
    },
  })
}

function keyFor(namespace: string | undefined, name: string): string {
  return `${namespace ?? 'default'}/${name}`
}

function ownerKeys({ metadata }: KubeObject): string[] {
  return (metadata.ownerReferences ?? [])
    .filter((owner) => owner.kind === deploymentKind.kind)
    .map((owner) => keyFor(metadata.namespace, owner.name))
}

/** As Kubernetes names pods: no vowels, so that no words come about. */
function suffix(): string {
  const letters = 'bcdfghjklmnpqrstvwxz2456789'
  return [...randomBytes(5)].map((byte) => letters[byte % letters.length]).join('')
}
