/** RFC 6902, as far as injection needs it: maps of text, and lists to which something was added. */
import { isDeepStrictEqual } from 'node:util'

export type JsonPatchOperation =
  | { op: 'add' | 'replace'; path: string; value: unknown }
  | { op: 'remove'; path: string }

/** RFC 6901: `~` and `/` within a key. */
function escaped(key: string): string {
  return key.replaceAll('~', '~0').replaceAll('/', '~1')
}

/** Key by key; a map that is not there yet is added whole. */
export function patchMap(
  path: string,
  before: Readonly<Record<string, string>> | undefined,
  after: Readonly<Record<string, string>>,
): JsonPatchOperation[] {
  if (before === undefined) {
    return Object.keys(after).length === 0 ? [] : [{ op: 'add', path, value: after }]
  }
  const changed = Object.entries(after)
    .filter(([key, value]) => before[key] !== value)
    .map(([key, value]): JsonPatchOperation => {
      const op = Object.hasOwn(before, key) ? 'replace' : 'add'
      return { op, path: `${path}/${escaped(key)}`, value }
    })
  const gone = Object.keys(before)
    .filter((key) => !Object.hasOwn(after, key))
    .map((key): JsonPatchOperation => ({ op: 'remove', path: `${path}/${escaped(key)}` }))
  return [...gone, ...changed]
}

/** Additions at the head or the tail one by one; any other change replaces the list. */
export function patchList(
  path: string,
  before: readonly unknown[] | undefined,
  after: readonly unknown[],
): JsonPatchOperation[] {
  if (before === undefined) return after.length === 0 ? [] : [{ op: 'add', path, value: after }]
  if (isDeepStrictEqual(before, after)) return []
  const more = after.length - before.length
  if (more > 0 && isDeepStrictEqual(after.slice(more), before)) {
    return after
      .slice(0, more)
      .map((value, index) => ({ op: 'add', path: `${path}/${index}`, value }))
  }
  if (more > 0 && isDeepStrictEqual(after.slice(0, before.length), before)) {
    return after.slice(before.length).map((value) => ({ op: 'add', path: `${path}/-`, value }))
  }
  return [{ op: 'replace', path, value: after }]
}
