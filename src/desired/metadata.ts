/** What all objects of a link have in common. */
import type { LogstashLink } from '../api/link.ts'
import { labels, manager, type Role } from '../api/names.ts'
import type { ObjectMeta } from '../api/objects.ts'
import { ownerReferences } from '../api/ownership.ts'

export function objectMeta(
  link: LogstashLink,
  name: string,
  more: { role?: Role; annotations?: Record<string, string> } = {},
): ObjectMeta {
  return {
    name,
    namespace: namespaceOf(link),
    labels: objectLabels(link, more.role),
    ...(more.annotations === undefined ? {} : { annotations: more.annotations }),
    ...ownerReferences(link),
  }
}

export function objectLabels(link: LogstashLink, role?: Role): Record<string, string> {
  return {
    [labels.managedBy]: manager,
    [labels.link]: link.metadata.name,
    ...(role === undefined ? {} : { [labels.role]: role }),
  }
}

export function namespaceOf(link: LogstashLink): string {
  return link.metadata.namespace ?? 'default'
}
