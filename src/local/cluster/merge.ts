/** The merge of server-side apply: maps by field, keyed lists by item, sets by union, everything else replaced. */
import { isAtomicMap, isMap, itemKey, listType } from './list-types.ts'

/** `live` with everything that `applied` names. Neither is changed. */
export function merge(
  kind: string,
  live: unknown,
  applied: unknown,
  path: readonly string[] = [],
): unknown {
  if (isMap(live) && isMap(applied) && !isAtomicMap(kind, path)) {
    const result = { ...live }
    for (const [name, field] of Object.entries(applied)) {
      result[name] = merge(kind, live[name], field, [...path, name])
    }
    return result
  }
  if (!Array.isArray(live) || !Array.isArray(applied)) return applied
  const type = listType(kind, path)
  if (type === 'atomic') return applied
  if (type === 'set') return [...new Set([...live, ...applied])]
  return mergeItems(
    live,
    applied,
    (item) => itemKey(type.keyed, item),
    (was, is) => merge(kind, was, is, path),
  )
}

/**
 * The applied order holds; an item of the live list alone stays behind the item that it followed there, so that what an
 * injector put first stays first.
 */
function mergeItems(
  live: readonly unknown[],
  applied: readonly unknown[],
  keyOf: (item: unknown) => string,
  mergeItem: (live: unknown, applied: unknown) => unknown,
): unknown[] {
  const before = new Map(live.map((item) => [keyOf(item), item]))
  const result = applied.map((item) => mergeItem(before.get(keyOf(item)), item))
  const order = applied.map(keyOf)
  const liveKeys = [...before.keys()]
  for (const [index, key] of liveKeys.entries()) {
    if (order.includes(key)) continue
    const position = order.indexOf(liveKeys[index - 1] ?? '') + 1
    order.splice(position, 0, key)
    result.splice(position, 0, before.get(key))
  }
  return result
}
