/** What a watch is about, and what is kept of its objects. */
import { matchesSelector } from '../api/label-selector.ts'
import type { Kind, KubeObject } from '../api/objects.ts'
import type { WatchOptions } from './cluster.ts'
import { kindId, selectorText } from './resources.ts'

export interface Scope {
  kind: Kind
  where: WatchOptions
  /** Two watches of one id and one `reduce` are one. */
  id: string
  /** As in the query; undefined where every label does. */
  labels: string | undefined
  /** As in the query. */
  fields: string | undefined
}

/** Throws a ClusterError (Invalid) where the selector cannot be. */
export function scopeOf(kind: Kind, where: WatchOptions): Scope {
  const { namespace, name, selector, fieldSelector, metadataOnly = false } = where
  const labels = selectorText(selector)
  const byName = name === undefined ? [] : [`metadata.name=${name}`]
  const fields = [...byName, ...(fieldSelector === undefined ? [] : [fieldSelector])].join(',')
  const id = JSON.stringify([kindId(kind), namespace, name, labels, fieldSelector, metadataOnly])
  return { kind, where, id, labels, fields: fields === '' ? undefined : fields }
}

/** Where a scope is looked up: its kind, its namespace or all, its name or all. */
export function placeOf(kind: Kind, namespace: string | undefined, name: string | undefined) {
  return `${kindId(kind)}|${namespace ?? '*'}|${name ?? '*'}`
}

/** As far as labels say. */
export function isWanted({ where: { selector } }: Scope, { metadata }: KubeObject): boolean {
  return selector === undefined || matchesSelector(selector, metadata.labels)
}

/** Nothing within its namespace and name is left out. */
export function isComplete({ labels, where }: Scope): boolean {
  return labels === undefined && where.fieldSelector === undefined
}

/** An object as it is kept: with its kind (lists leave it out), without managedFields, and reduced. */
export function kept({ kind: { apiVersion, kind }, where }: Scope, given: KubeObject): KubeObject {
  const { metadataOnly = false, reduce } = where
  const { managedFields: _, ...metadata } = given.metadata as KubeObject['metadata'] & {
    managedFields?: unknown
  }
  const rest = metadataOnly ? {} : given
  const object = { ...rest, apiVersion, kind, metadata }
  return reduce === undefined ? object : reduce(object)
}
