/**
 * From what stands in the cluster and what is wanted to what is to be done. Plain data.
 *
 *  stands there | wanted | then
 *  -------------+--------+-----------------------------------------------------------------------------
 *  nothing      | yes    | create (POST: whoever took the name meanwhile keeps it)
 *  ours         | yes    | nothing if it is as wanted, else apply with the uid that was seen
 *  ours         | itself | nothing: wanted that is the very object that stands there means "leave it"
 *  ours         | no     | remove; a Secret stays until the link goes, for we may delete none
 *  foreign      | yes    | conflict, not touched; unless wanted names its uid, then apply
 *  foreign      | no     | nothing
 *
 * Ours is what has the link's uid among its owners. A wanted object that names the uid of a foreign one says that it has
 * looked at that one and may write to it (the Secret that cert-manager wrote for our Certificate).
 *
 * "As wanted" must survive what the API server fills in, and must notice a field that is wanted no more. So both: every
 * wanted field stands there with its value, and the annotation with the digest of all that was applied is still right.
 */
import { digestOf } from '../api/digest.ts'
import { annotations, apiVersion, kind } from '../api/names.ts'
import type { KubeObject, ObjectKey } from '../api/objects.ts'
import { isOwnedBy } from '../api/ownership.ts'
import { hasWanted } from './has-wanted.ts'
import { sizeProblem } from './size.ts'

export interface Plan {
  create: KubeObject[]
  /** Each with the uid that was observed. */
  apply: KubeObject[]
  remove: Removal[]
  conflicts: Problem[]
  /** Wanted, but too large for the API server; not in create or apply. */
  oversized: Problem[]
}

type Removal = ObjectKey & { uid?: string }

export interface Problem {
  key: ObjectKey
  /** A sentence that says what to do. */
  message: string
}

export function plan(input: {
  current: readonly KubeObject[]
  desired: readonly KubeObject[]
  owner: { uid: string }
}): Plan {
  const { current, desired, owner } = input
  const standing = new Map(current.map((object) => [idOf(object), object]))
  const wantedIds = new Set(desired.map(idOf))
  const result: Plan = { create: [], apply: [], remove: [], conflicts: [], oversized: [] }

  for (const wanted of desired) {
    const there = standing.get(idOf(wanted))
    if (there === wanted) continue
    // What stands as it is wanted is not too large either, and to measure it costs more than to compare.
    const stands = there !== undefined && isAsWanted(wanted, there)
    const tooLarge = stands ? undefined : sizeProblem(wanted)
    if (tooLarge !== undefined) {
      result.oversized.push({ key: keyFor(wanted), message: tooLarge })
    } else if (there === undefined) {
      result.create.push(withDigest(wanted))
    } else if (!isOwnedBy(there, owner.uid) && !isVouchedFor(wanted, there)) {
      result.conflicts.push(conflictOf(there))
    } else if (!stands) {
      result.apply.push(withUid(withDigest(wanted), there.metadata.uid))
    }
  }

  result.remove = current
    .filter((object) => isOwnedBy(object, owner.uid) && !wantedIds.has(idOf(object)))
    .filter((object) => object.kind !== 'Secret' && object.metadata.deletionTimestamp === undefined)
    .map((object) => ({ ...keyFor(object), ...uidOf(object) }))
  return result
}

function isVouchedFor(wanted: KubeObject, there: KubeObject): boolean {
  return wanted.metadata.uid !== undefined && wanted.metadata.uid === there.metadata.uid
}

function isAsWanted(wanted: KubeObject, there: KubeObject): boolean {
  return (
    there.metadata.annotations?.[annotations.applied] === wantedDigest(wanted) &&
    hasWanted(wanted, there)
  )
}

/** The uid says which object is meant, not how it should be. */
function wantedDigest(wanted: KubeObject): string {
  const { uid: _uid, ...metadata } = wanted.metadata
  return digestOf({ ...wanted, metadata })
}

function withDigest(wanted: KubeObject): KubeObject {
  const digest = { [annotations.applied]: wantedDigest(wanted) }
  return {
    ...wanted,
    metadata: {
      ...wanted.metadata,
      annotations: { ...wanted.metadata.annotations, ...digest },
    },
  }
}

function withUid(object: KubeObject, uid: string | undefined): KubeObject {
  return uid === undefined ? object : { ...object, metadata: { ...object.metadata, uid } }
}

/** That an object is not ours. */
export function conflictOf(there: KubeObject): Problem {
  return { key: keyFor(there), message: conflictMessage(there) }
}

function conflictMessage(there: KubeObject): string {
  const { name } = there.metadata
  const earlier = (there.metadata.ownerReferences ?? []).some(
    (owner) => owner.apiVersion === apiVersion && owner.kind === kind,
  )
  return earlier
    ? `${there.kind} ${name} belongs to another LogstashLink, perhaps a deleted one of this name; it is left alone until the garbage collector has removed it.`
    : `${there.kind} ${name} exists and is not of this link; it is left alone. Delete it, or give the link another \`metadata.name\`.`
}

function idOf({ apiVersion: version, kind: one, metadata }: KubeObject): string {
  return `${version}/${one}/${metadata.namespace ?? ''}/${metadata.name}`
}

function keyFor({ apiVersion: version, kind: one, metadata }: KubeObject): ObjectKey {
  const { name, namespace } = metadata
  return { apiVersion: version, kind: one, name, ...(namespace === undefined ? {} : { namespace }) }
}

function uidOf({ metadata }: KubeObject): { uid?: string } {
  return metadata.uid === undefined ? {} : { uid: metadata.uid }
}
