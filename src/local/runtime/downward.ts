/** The downward API: what a pod may know of itself. Pure. */
import type { Pod } from '../pod.ts'

/** Name of the one node that `local` pretends to be. */
export const nodeName = 'local'

/** Value of a fieldPath; undefined where local does not know the field. */
export function fieldOf(pod: Pod, address: string, fieldPath: string): string | undefined {
  const keyed = /^metadata\.(labels|annotations)\['(.+)'\]$/.exec(fieldPath)
  if (keyed) return pod.metadata[keyed[1] as 'labels' | 'annotations']?.[keyed[2] ?? ''] ?? ''
  switch (fieldPath) {
    case 'metadata.name':
      return pod.metadata.name
    case 'metadata.namespace':
      return pod.metadata.namespace ?? 'default'
    case 'metadata.uid':
      return pod.metadata.uid ?? ''
    case 'metadata.labels':
      return lines(pod.metadata.labels)
    case 'metadata.annotations':
      return lines(pod.metadata.annotations)
    case 'spec.nodeName':
      return pod.spec.nodeName ?? nodeName
    case 'spec.serviceAccountName':
      return pod.spec.serviceAccountName ?? 'default'
    case 'status.podIP':
    case 'status.podIPs':
      return address
    case 'status.hostIP':
    case 'status.hostIPs':
      return '127.0.0.1'
    default:
      return undefined
  }
}

function lines(entries: Record<string, string> = {}): string {
  return Object.entries(entries)
    .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
    .join('\n')
}
