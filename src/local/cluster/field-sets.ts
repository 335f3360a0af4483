/**
 * Sets of fields, for the ownership that server-side apply keeps per manager: the same trees as metadata.managedFields
 * of Kubernetes. `f:name` is a field, `k:{…}` an item of a keyed list (with `.` for the item itself), `v:…` an item of a
 * set; a branch without children is a field owned as a whole.
 */
import { isDeepStrictEqual } from 'node:util'
import { isAtomicMap, isMap, itemKey, listType } from './list-types.ts'

export interface FieldSet {
  readonly [element: string]: FieldSet
}

const whole: FieldSet = {}

/** The fields that a value names. */
export function fieldsOf(kind: string, value: unknown, path: readonly string[] = []): FieldSet {
  if (isMap(value)) {
    if (isAtomicMap(kind, path)) return whole
    return Object.fromEntries(
      Object.entries(value).map(([name, field]) => [
        `f:${name}`,
        fieldsOf(kind, field, [...path, name]),
      ]),
    )
  }
  if (!Array.isArray(value)) return whole
  const type = listType(kind, path)
  if (type === 'atomic') return whole
  if (type === 'set') {
    return Object.fromEntries(value.map((item) => [`v:${JSON.stringify(item)}`, whole]))
  }
  return Object.fromEntries(
    value.map((item) => [itemKey(type.keyed, item), { '.': whole, ...fieldsOf(kind, item, path) }]),
  )
}

/** The part of `fields` whose values differ between the two objects: what a forced apply takes from other managers. */
export function differing(
  kind: string,
  fields: FieldSet,
  before: unknown,
  after: unknown,
  path: readonly string[] = [],
): FieldSet {
  const found: Record<string, FieldSet> = {}
  for (const [element, below] of Object.entries(fields)) {
    const [was, is] = [childOf(kind, before, element, path), childOf(kind, after, element, path)]
    if (isDeepStrictEqual(was, is)) continue
    const deeper = pathBelow(path, element)
    if (element === '.' || isWhole(below)) found[element] = whole
    else {
      const nested = differing(kind, below, was, is, deeper)
      if (!isWhole(nested)) found[element] = nested
    }
  }
  return found
}

/** `fields` without the wholly owned fields of `taken`. */
export function without(fields: FieldSet, taken: FieldSet): FieldSet {
  const rest: Record<string, FieldSet> = {}
  for (const [element, below] of Object.entries(fields)) {
    const gone = taken[element]
    if (gone === undefined || element === '.') rest[element] = below
    else if (!isWhole(below) && !isWhole(gone)) {
      const remaining = without(below, gone)
      if (!isWhole(remaining)) rest[element] = remaining
    }
  }
  return rest
}

/**
 * `value` without the fields that its manager owned before (`owned`), no longer names (`named`), and that no other
 * manager owns.
 */
export function prune(
  kind: string,
  value: unknown,
  sets: { owned: FieldSet; named: FieldSet | undefined; others: readonly FieldSet[] },
  path: readonly string[] = [],
): unknown {
  let result = value
  for (const [element, below] of Object.entries(sets.owned)) {
    if (element === '.') continue
    const child = childOf(kind, result, element, path)
    if (child === undefined) continue
    const named = sets.named?.[element]
    const others = sets.others.flatMap((other) => other[element] ?? [])
    const kept = named !== undefined || others.length > 0
    // A map goes as a whole when nobody names anything in it, with the defaults that nobody owns.
    if (!kept && !(path.length === 0 && element === 'f:metadata')) {
      result = withChild(kind, result, element, path, undefined)
      continue
    }
    const pruned = prune(kind, child, { owned: below, named, others }, pathBelow(path, element))
    if (pruned !== child) result = withChild(kind, result, element, path, pruned)
  }
  return result
}

function isWhole(fields: FieldSet): boolean {
  return Object.keys(fields).length === 0
}

function pathBelow(path: readonly string[], element: string): readonly string[] {
  return element.startsWith('f:') ? [...path, element.slice(2)] : path
}

/** Which item of a list an element names; undefined for elements that name no item. */
function itemMatcher(kind: string, element: string, path: readonly string[]) {
  if (element.startsWith('v:')) return (item: unknown) => `v:${JSON.stringify(item)}` === element
  const type = listType(kind, path)
  if (!element.startsWith('k:') || typeof type === 'string') return undefined
  return (item: unknown) => itemKey(type.keyed, item) === element
}

function childOf(kind: string, value: unknown, element: string, path: readonly string[]): unknown {
  if (element === '.') return value
  if (element.startsWith('f:')) return isMap(value) ? value[element.slice(2)] : undefined
  const matches = itemMatcher(kind, element, path)
  return Array.isArray(value) && matches !== undefined ? value.find(matches) : undefined
}

function withChild(
  kind: string,
  value: unknown,
  element: string,
  path: readonly string[],
  child: unknown,
): unknown {
  if (element.startsWith('f:') && isMap(value)) {
    const { [element.slice(2)]: _, ...rest } = value
    return child === undefined ? rest : { ...value, [element.slice(2)]: child }
  }
  const matches = itemMatcher(kind, element, path)
  if (!Array.isArray(value) || matches === undefined) return value
  return value.flatMap((item) => (matches(item) ? (child === undefined ? [] : [child]) : [item]))
}
