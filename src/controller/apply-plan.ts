/** Carries a plan out. What the cluster refuses of one object does not keep the others from being written. */
import { keystorePasswordSecretName } from '../api/names.ts'
import type { KubeObject, ObjectKey } from '../api/objects.ts'
import { ClusterError } from '../kube/cluster.ts'
import type { Cluster } from '../kube/cluster.ts'
import { isOwnedBy } from '../api/ownership.ts'
import { conflictOf } from '../plan/plan.ts'
import type { Plan, Problem } from '../plan/plan.ts'
import type { Refusal } from '../verdict/finding.ts'
import { kinds } from './kinds.ts'

export interface Applied {
  /** Written, as they stand now. */
  written: KubeObject[]
  /** Gone by our hand. */
  removed: ObjectKey[]
  /** Names that someone else has taken, which only the attempt to create showed. */
  conflicts: Problem[]
  /** What the cluster refused: only a change of the link or of the cluster can help. */
  refused: Refusal[]
  /** What may pass without a word to us; the first of them is why the reconcile is to be tried again. */
  failures: ClusterError[]
}

export async function applyPlan(
  cluster: Cluster,
  { create, apply, remove }: Pick<Plan, 'create' | 'apply' | 'remove'>,
  link: { name: string; uid?: string },
): Promise<Applied> {
  const result: Applied = { written: [], removed: [], conflicts: [], refused: [], failures: [] }
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
        await meet(cluster, object, link, result)
      }
    })
  }
  for (const object of apply) {
    await attempt(result, object, async () => {
      result.written.push(await cluster.apply(object))
    })
  }
  for (const { uid, ...key } of remove) {
    await attempt(result, key, async () => {
      await cluster.delete(key, uid === undefined ? {} : { uid })
      result.removed.push(key)
    })
  }
  return result
}

/**
 * The name is taken: by ourselves, where a watch was late or someone took our label away, or by another, who keeps it. Our
 * watches show only what bears our label.
 */
async function meet(
  cluster: Cluster,
  object: KubeObject,
  { name, uid }: { name: string; uid?: string },
  result: Applied,
): Promise<void> {
  const there = await cluster.get(keyOf(object))
  if (there === undefined) throw new ClusterError('Conflict', 'It came and went meanwhile')
  if (uid === undefined || !isOwnedBy(there, uid)) {
    // Whoever made it, the password is fine as it is: it is read by name, and the next look says whose it is.
    if (object.metadata.name !== keystorePasswordSecretName(name)) {
      result.conflicts.push(conflictOf(there))
    }
  } else if (isAppliedLater(object)) {
    result.written.push(await cluster.apply(withUidOf(there, object)))
  }
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
    const { reason, message } = error
    if (reason === 'Invalid' || reason === 'Forbidden') {
      result.refused.push({ key: keyOf(what), reason, message })
    }
    // A right that was missing, or a quota that was full, changes without a word to us.
    if (reason !== 'Invalid') result.failures.push(error)
  }
}

function keyOf(what: KubeObject | ObjectKey): ObjectKey {
  if (!('metadata' in what)) return what
  const { apiVersion, kind, metadata } = what
  const { name, namespace } = metadata
  return { apiVersion, kind, name, ...(namespace === undefined ? {} : { namespace }) }
}
