/** Whether a pod's lists are lists of objects, so that what reads them later need not ask. Pure. */
import { show } from '../api/show.ts'

/** Where a list is → where its items have lists of objects as well. */
interface Lists {
  [path: string]: Lists
}

const ofContainer: Lists = { env: {}, envFrom: {}, ports: {}, volumeMounts: {} }
const downward: Lists = { 'downwardAPI.items': {} }
const ofPod: Lists = {
  containers: ofContainer,
  initContainers: ofContainer,
  volumes: { ...downward, 'projected.sources': downward },
}

/** Sentences; none where the spec can be read. @param at where it stands, such as `spec.template.spec` */
export function shapeProblems(spec: unknown, at: string): string[] {
  return isObject(spec) ? listProblems(spec, ofPod, at) : [`Expected \`${at}\` to be an object`]
}

function listProblems(
  object: Readonly<Record<string, unknown>>,
  lists: Lists,
  at: string,
): string[] {
  return Object.entries(lists).flatMap(([path, inner]) => {
    const list = path
      .split('.')
      .reduce<unknown>((value, field) => (isObject(value) ? value[field] : value), object)
    // The API server takes null for a field that is absent, as YAML writes `volumes:` with nothing below it.
    if (list === undefined || list === null) return []
    const here = `${at}.${path}`
    if (!Array.isArray(list)) return [`Expected \`${here}\` to be a list, got ${show(list)}`]
    return list.flatMap((item: unknown, index) =>
      isObject(item)
        ? listProblems(item, inner, `${here}[${index}]`)
        : [`Expected \`${here}[${index}]\` to be an object, got ${show(item)}`],
    )
  })
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
