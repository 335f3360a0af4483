/** Every name that the product writes into a cluster: objects, labels, annotations, mount paths, environment. */
import { createHash } from 'node:crypto'

export const group = 'logstashlink.io'
export const apiVersion = `${group}/v1alpha1`
export const kind = 'LogstashLink'
export const plural = 'logstashlinks'
/** Field manager of server-side apply, and the value of app.kubernetes.io/managed-by. */
export const manager = 'logstash-link'

export type Role = 'receiver' | 'sender'

/** Kinds of the objects that are ours to write for a link. */
export const certificateKind = { apiVersion: 'cert-manager.io/v1', kind: 'Certificate' } as const
/** On Secrets that cert-manager writes: the Certificate for which it did. */
export const certificateNameAnnotation = 'cert-manager.io/certificate-name'

/** `<link>-receiver` or `<link>-sender`: the Service, the Certificate and the ConfigMap of a role bear this one name. */
export function roleName(link: string, role: Role): string {
  return `${link}-${role}`
}

/** Secret that cert-manager writes for a role's Certificate. */
export function tlsSecretName(link: string, role: Role): string {
  return `${link}-${role}-tls`
}

export function keystorePasswordSecretName(link: string): string {
  return `${link}-keystore-password`
}

/** Name of the sidecar container: link names have at most 40 characters, so this stays within the 63 of a label. */
export function sidecarName(link: string, role: Role): string {
  return `lsl-${role}-${link}`
}

/** Port names hold at most 15 characters, so the link stands in them by a hash. */
export function receiverPortName(link: string): string {
  return `lsl-${createHash('sha256').update(link).digest('hex').slice(0, 8)}`
}

/** Label that injection sets on a pod for each link and role; the receiver Service selects nothing else. */
export function injectedLabel(link: string, role: Role): string {
  return `${role}.${group}/${link}`
}

/** Annotation with what was injected for a link and role: JSON {hash, healthPort, port?}. */
export function injectedAnnotation(link: string, role: Role): string {
  return `${role}.${group}/${link}`
}

export const labels = {
  managedBy: 'app.kubernetes.io/managed-by',
  link: `${group}/link`,
  role: `${group}/role`,
  /** On a pod or its template: "false" opts out of injection. */
  inject: `${group}/inject`,
  /** On a pod with at least one sidecar, "true": how such pods are found without looking at all the others. */
  injected: `${group}/injected`,
} as const

/** On our objects, and on the Secrets that cert-manager writes for us. */
export const annotations = {
  /** Digest of what was applied: tells that a field is no longer wanted, which a comparison of fields cannot. */
  applied: `${group}/applied`,
  /** A change of either makes cert-manager encode the keystore again, without a new key. */
  keystoreRevision: `${group}/keystore-password-revision`,
  keystoreProfile: `${group}/keystore-profile`,
  /** On ConfigMaps: where ca.crt came from. Old CAs are kept only while this stays the same. */
  trustSource: `${group}/trust-source`,
  /** On pods: when their kubelet was last told to look at what they mount. */
  nudged: `${group}/nudged`,
  /** On the pod template of a workload that was restarted so that its pods get sidecars: digest of what they were to get. */
  restartedFor: `${group}/restarted-for`,
} as const

/**
 * Volume of a sidecar in its pod: at most 62 of the 63 characters of a DNS label. The endings hold no hyphen, so volumes of
 * two links never meet.
 */
export function sidecarVolumeName(link: string, role: Role, part: VolumePart): string {
  return `${sidecarName(link, role)}-${part}`
}

export type VolumePart = 'config' | 'identity' | 'auth' | 'state' | 'token'

/** Where a sidecar finds what is mounted for it. Each sidecar has a file system of its own, so links do not collide. */
export const mounts = {
  /** The role's ConfigMap: sidecar.json, hosts.json, ca.crt. */
  config: '/etc/logstash-link/config',
  /** The role's TLS Secret: tls.crt, tls.key, ca.crt. */
  identity: '/etc/logstash-link/identity',
  /** The Secret of basic authentication: username, password. */
  auth: '/etc/logstash-link/auth',
  /** A volume of the pod to which the receiver delivers (unix, file). */
  deliver: '/var/run/logstash-link/deliver',
  /** emptyDir of ours, or the pod's volume that queue.volume names: dead letters, queue, how far files were read. */
  state: '/var/lib/logstash-link',
  /** An empty directory over the service account's token. */
  serviceAccount: '/var/run/secrets/kubernetes.io/serviceaccount',
} as const

/** Folder of a sidecar in a volume of the pod, which may be the application's as well, or be shared by pods. */
export function stateFolder(namespace: string, link: string, role: Role): string {
  return [manager, namespace, link, role].join('.')
}

export const configFiles = {
  settings: 'sidecar.json',
  hosts: 'hosts.json',
  trust: 'ca.crt',
} as const

/** Environment of sidecars. The pod's own facts come from the downward API. */
export const environment = {
  podName: 'POD_NAME',
  podNamespace: 'POD_NAMESPACE',
  nodeName: 'NODE_NAME',
  /** Set by `local` alone: the loopback address that stands for the pod, in place of 127.0.0.1 and of 0.0.0.0. */
  podAddress: 'LOGSTASH_LINK_POD_ADDRESS',
  /** Prefix, set by `local` where pods share 127.0.0.1: LOGSTASH_LINK_PORT_8080 is where the pod's port 8080 lies. */
  podPort: 'LOGSTASH_LINK_PORT_',
} as const

/** First port that the injector gives to a sidecar's health endpoints. */
export const firstHealthPort = 9601
