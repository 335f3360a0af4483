import { certificateKind } from '../api/names.ts'
import type { KubeObject } from '../api/objects.ts'
import type { Observed } from '../api/observed.ts'
import { isOwnedBy } from '../api/ownership.ts'

/**
 * While a link is suspended nothing is removed and the Service stays as it is; hosts, trust and certificates go on, and
 * what is missing is made. (Settings in a ConfigMap are kept where that is rendered.)
 */
export function whileSuspended(
  objects: readonly KubeObject[],
  { link, objects: current }: Observed,
): KubeObject[] {
  const { uid = '' } = link.metadata
  const ours = current.filter((object) => isOwnedBy(object, uid))
  const kept = objects.map((wanted) =>
    goesOn(wanted) ? wanted : (ours.find((object) => isSame(object, wanted)) ?? wanted),
  )
  const others = ours.filter((object) => !kept.some((wanted) => isSame(object, wanted)))
  return [...kept, ...others]
}

function goesOn(object: KubeObject): boolean {
  return ['ConfigMap', 'Secret', certificateKind.kind].includes(object.kind)
}

function isSame(a: KubeObject, b: KubeObject): boolean {
  return a.kind === b.kind && a.metadata.name === b.metadata.name
}
