/** Keys of the queue: `namespace/name` of a link. */
import type { ObjectKey } from '../api/objects.ts'
import { kinds } from './kinds.ts'

export interface LinkKey {
  namespace: string
  name: string
}

export function linkKeyText({ namespace, name }: LinkKey): string {
  return `${namespace}/${name}`
}

export function readLinkKey(text: string): LinkKey {
  const slash = text.indexOf('/')
  return { namespace: text.slice(0, slash), name: text.slice(slash + 1) }
}

export function linkObjectKey({ namespace, name }: LinkKey): ObjectKey {
  return { ...kinds.link, namespace, name }
}
