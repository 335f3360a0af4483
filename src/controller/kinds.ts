/** The kinds that the controller reads or watches, each named once. */
import { apiVersion, kind } from '../api/names.ts'

export const kinds = {
  link: { apiVersion, kind },
  service: { apiVersion: 'v1', kind: 'Service' },
  secret: { apiVersion: 'v1', kind: 'Secret' },
  configMap: { apiVersion: 'v1', kind: 'ConfigMap' },
  pod: { apiVersion: 'v1', kind: 'Pod' },
  node: { apiVersion: 'v1', kind: 'Node' },
  event: { apiVersion: 'v1', kind: 'Event' },
  endpointSlice: { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice' },
} as const

/** Label of an EndpointSlice: the Service that it belongs to. */
export const serviceNameLabel = 'kubernetes.io/service-name'
/** Label of a Node. */
export const zoneLabel = 'topology.kubernetes.io/zone'
