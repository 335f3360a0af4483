/** Applies a JSON patch (RFC 6902: add, replace, remove) strictly: a path that does not fit is an error. */
import type { JsonPatchOperation } from '../../src/injector/json-patch.ts'

export function applyPatch<T>(document: T, patch: readonly JsonPatchOperation[]): T {
  const result = structuredClone(document)
  for (const operation of patch) {
    const keys = operation.path
      .split('/')
      .slice(1)
      .map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'))
    const last = keys.pop() ?? ''
    const parent = keys.reduce<unknown>((at, key) => {
      if (typeof at !== 'object' || at === null || !Object.hasOwn(at, key)) {
        throw new Error(`${operation.path}: ${key} does not exist`)
      }
      return (at as Record<string, unknown>)[key]
    }, result)
    if (Array.isArray(parent)) applyToList(parent, last, operation)
    else applyToObject(parent as Record<string, unknown>, last, operation)
  }
  return result
}

function applyToList(list: unknown[], key: string, operation: JsonPatchOperation): void {
  const index = key === '-' ? list.length : Number(key)
  if (operation.op !== 'add' || !(index >= 0 && index <= list.length)) {
    throw new Error(`${operation.op} ${operation.path} does not fit`)
  }
  list.splice(index, 0, operation.value)
}

function applyToObject(
  object: Record<string, unknown>,
  key: string,
  operation: JsonPatchOperation,
): void {
  if (operation.op !== 'add' && !Object.hasOwn(object, key)) {
    throw new Error(`${operation.op} ${operation.path}: nothing is there`)
  }
  if (operation.op === 'remove') delete object[key]
  else object[key] = operation.value
}
