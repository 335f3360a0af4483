/** Carries a plan out. What the cluster refuses of one object does not keep the others from being written. */
import { keystorePasswordSecretName } from '../api/names.ts'
import type { KubeObject, ObjectKey } from '../api/objects.ts'
import { ClusterError } from '../kube/cluster.ts'
import type { Cluster } from '../kube/cluster.ts'
import type { Plan, Problem } from '../plan/plan.ts'
import { kinds } from './kinds.ts'

export interface Applied {
  /** Written, as they stand now. */
  written: KubeObject[]
  /** What the cluster refused for good: only a change of the link or of the cluster can help. */
  refused: Problem[]
  /** What may pass by itself; the first of them is why the reconcile is to be tried again. */
  failures: ClusterError[]
}

export async function applyPlan(
  cluster: Cluster,
  { create, apply, remove }: Pick<Plan, 'create' | 'apply' | 'remove'>,
  link: { name: string },
): Promise<Applied> {
  const result: Applied = { written: [], refused: [], failures: [] }
  // One after the other, in the order of the plan: a Certificate comes after the password that it names.
  for (const object of create) {
    await attempt(result, object, async () => {
      try {
        const made = await cluster.create(reservation(object))
        result.written.push(made)
        if (isAppliedLater(object))
          result.written.push(await cluster.apply(withUidOf(made, object)))
      } catch (error) {
        if (!(error instanceof ClusterError) || error.reason !== 'AlreadyExists') throw error
        // Somebody was faster. The next reading says who; our own password Secret is fine as it is.
        const own = object.metadata.name === keystorePasswordSecretName(link.name)
        if (!own) throw new ClusterError('Conflict', error.message, { cause: error })
      }
    })
  }
  for (const object of apply) {
    await attempt(result, object, async () => {
      result.written.push(await cluster.apply(object))
    })
  }
  for (const { uid, ...key } of remove) {
    await attempt(result, key, () => cluster.delete(key, uid === undefined ? {} : { uid }))
  }
  return result
}

/**
 * What a POST writes belongs to an update, and no later apply takes it away again; it only replaces values. So the POST
 * takes the name, with as little as the kind allows of what may have to go one day, and the apply brings the rest.
 */
function reservation(object: KubeObject): KubeObject {
  if (object.kind === kinds.configMap.kind) {
    const { data: _data, ...rest } = object
    return rest
  }
  if (object.kind !== kinds.service.kind) return object
  // A Service needs no ports while it is headless.
  const { ports: _ports, ...spec } = object['spec'] as { ports?: unknown }
  return { ...object, spec }
}

/** The password's Secret is written once, and then belongs to whoever changes it. */
function isAppliedLater({ kind }: KubeObject): boolean {
  return kind !== kinds.secret.kind
}

function withUidOf(made: KubeObject, object: KubeObject): KubeObject {
  const { uid = '' } = made.metadata
  return { ...object, metadata: { ...object.metadata, uid } }
}

async function attempt(
  result: Applied,
  what: KubeObject | ObjectKey,
  write: () => Promise<void>,
): Promise<void> {
  try {
    await write()
  } catch (error) {
    if (!(error instanceof ClusterError)) throw error
    if (error.reason === 'Invalid' || error.reason === 'Forbidden') {
      result.refused.push({ key: keyOf(what), message: error.message })
    } else {
      result.failures.push(error)
    }
  }
}

function keyOf(what: KubeObject | ObjectKey): ObjectKey {
  if (!('metadata' in what)) return what
  const { apiVersion, kind, metadata } = what
  const { name, namespace } = metadata
  return { apiVersion, kind, name, ...(namespace === undefined ? {} : { namespace }) }
}
