/**
 * All that one reconcile of a link looks at, gathered by the controller in one place (its `observe` stage) and handed to
 * the pure rooms: desired, plan, discovery and verdict take this and nothing else. Plain data.
 */
import type { LogstashLink } from './link.ts'
import type { KubeObject, ObjectKey } from './objects.ts'
import type { Role } from './names.ts'

export interface Observed {
  link: LogstashLink
  /** Whatever stands under the names that are ours to use (Service, Certificates, ConfigMaps, Secrets), ours or foreign. */
  objects: KubeObject[]
  /** What cert-manager wrote for each role, once it did. */
  identities: Partial<Record<Role, IdentitySecret>>
  /** Secrets that the link names; absent where it names none. `keys` lists those present; no values but `trust`. */
  named: {
    auth?: { exists: boolean; keys: string[]; revision?: string }
    /** Content of the key that tls.trust names. */
    trust?: { exists: boolean; content?: string }
  }
  /** For receiver.serviceRef: does the Service exist. */
  serviceExists: boolean
  /** Ports of that Service: EndpointSlices repeat their names, not their numbers. */
  servicePorts?: { name?: string; port: number }[]
  /** EndpointSlices of the receivers' Service. */
  slices: EndpointSlice[]
  /** Pods that the link's selectors pick, and pods that carry a sidecar of it. */
  pods: ObservedPod[]
  /** Node name → zone. */
  nodeZones: Record<string, string>
  /** Why a certificate is not issued, in cert-manager's words, where it takes longer than usual. */
  issuance?: Partial<Record<Role, { message: string; failed: boolean }>>
  /** What keeps new pods of the namespace from getting sidecars, a sentence; absent where nothing does. */
  webhook?: string
  /** What sidecars said of themselves, last sampled; empty where nothing was asked yet. */
  samples: SidecarSample[]
  /** RFC 3339. The pure rooms have no clock. */
  now: string
}

export interface IdentitySecret {
  key: ObjectKey
  /** PEM; absent where the issuer supplies none. */
  ca?: string
  /** End of the leaf's validity, RFC 3339. */
  notAfter?: string
  /** SHA-256 of the leaf, as openssl prints it. */
  fingerprint?: string
}

/** discovery.k8s.io/v1, the fields that discovery reads. */
export interface EndpointSlice extends KubeObject {
  addressType: 'IPv4' | 'IPv6' | 'FQDN'
  endpoints?: {
    addresses: string[]
    conditions?: { ready?: boolean; serving?: boolean; terminating?: boolean }
    nodeName?: string
    zone?: string
    targetRef?: { kind?: string; name?: string; uid?: string }
  }[]
  ports?: { name?: string; port?: number; protocol?: string }[]
}

/** A pod stripped to what conditions and injection need. */
export interface ObservedPod {
  namespace: string
  name: string
  uid?: string
  /** The link's selectors that pick this pod. */
  roles: Role[]
  labels: Record<string, string>
  annotations: Record<string, string>
  ips: string[]
  ready: boolean
  /** Succeeded, failed or being deleted: counts no more. */
  finished: boolean
  hostNetwork: boolean
  /** For the restart command: the workload behind it, `Deployment/web` where it can be known. */
  workload?: string
  /** The controller among its owners: for a Deployment's pod its ReplicaSet. */
  owner?: { apiVersion: string; kind: string; name: string; uid: string }
  /** Readiness of our sidecar per role, from the container statuses. */
  sidecars: Partial<Record<Role, { ready: boolean }>>
}

/** What the leader read from a sidecar's /status. */
export interface SidecarSample {
  pod: string
  role: Role
  /** RFC 3339. */
  at: string
  /** False: not answered. */
  reachable: boolean
  /** One sentence for what stops delivery, by cause (refusals, 401, TLS); absent when all is well. */
  problem?: string
  /** Age of the oldest event not yet acknowledged, ms. */
  oldestEventAge?: number
  /** Fingerprint of the leaf that it shows to the other side; absent where it shows none. */
  identity?: string
}
