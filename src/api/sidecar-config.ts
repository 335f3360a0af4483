/**
 * The only meeting point of control plane and data plane: the files of a role's ConfigMap. `sidecar.json` holds what all
 * pods of a link share; what differs from pod to pod (ports, addresses) stands in the container's arguments and
 * environment. Sizes are bytes, times are milliseconds. Relative paths count from the folder of sidecar.json.
 */

/** A secret's value is never in the file itself. */
export type SecretSource = { file: string } | { env: string }

/**
 * Certificate with private key. Both forms are read again when a file changes. `ca` holds the authorities that the other
 * side has been told of: a new certificate waits until its own has stood there for two minutes.
 */
export type IdentitySource =
  | { type: 'pem'; cert: string; key: string; passphrase?: SecretSource; ca?: string }
  | { type: 'pkcs12'; keystore: string; password: SecretSource }

/** Certificates of those who may sign the other side's. `system` is Node's own list. */
export type TrustSource =
  | { type: 'system' }
  | { type: 'pem'; ca: string }
  | { type: 'pkcs12'; truststore: string; password: SecretSource }

/** HTTP basic authentication. A user name on the command line is given as `value`. */
export interface CredentialsSource {
  username: SecretSource | { value: string }
  password: SecretSource
}

export type LogLevel = 'Debug' | 'Info' | 'Warn' | 'Error'

export type DeliverTarget =
  | { type: 'http'; url: string }
  | { type: 'tcp'; host: string; port: number }
  | { type: 'unix'; path: string }
  | { type: 'file'; path: string; fsync: boolean }
  | { type: 'stdout' }

export interface DeadLetterSettings {
  directory: string
  maxSize: number
}

/** sidecar.json of a receiver. */
export interface ReceiverFile {
  role: 'receiver'
  /** `namespace/name` of the link, for logs and /status; absent when run by flags. */
  link?: string
  tls:
    | { enabled: false }
    | {
        enabled: true
        identity: IdentitySource
        clientAuthentication: 'None' | 'Optional' | 'Required'
        /** Who may sign client certificates; needed unless clientAuthentication is None. */
        clientTrust?: TrustSource
      }
  auth?: CredentialsSource
  /** Where `host` is absent from tcp or http the pod's own address is meant. */
  deliver: DeliverTarget
  deadLetter?: DeadLetterSettings
  limits: ReceiverLimits
  /** True: not ready until the leaf covers the pod's own addresses. */
  requirePodAddresses?: boolean
  logLevel: LogLevel
}

export interface ReceiverLimits {
  /** One budget for compressed and inflated bytes together. Default 64Mi. */
  memory: number
  /** A request's body as it comes over the wire. Default 100Mi. */
  maxRequest: number
  /** A request's body after decompression. Default 100Mi. */
  maxDecompressed: number
  /** One event. Default 16Mi. */
  maxLine: number
  /** Open connections. Default 1000. */
  maxConnections: number
}

/** sidecar.json of a sender. */
export interface SenderFile {
  role: 'sender'
  link?: string
  /** A file that is read again when it changes, or a fixed list. */
  hosts: { file: string } | { list: HostEntry[] }
  tls:
    | { enabled: false }
    | {
        enabled: true
        trust: TrustSource
        verification: 'Full' | 'None'
        /** The name to verify; default: each host itself. hosts.json's serverName comes before this. */
        serverName?: string
        identity?: IdentitySource
      }
  auth?: CredentialsSource
  decorate: 'None' | 'Kubernetes'
  batch: { maxEvents: number; maxBytes: number; maxWait: number }
  queue: QueueFile
  /** Where it stands how far each file of collect.files was read; without it a restart reads them from their beginning. */
  checkpoints?: { directory: string }
  balancing: { coolOff: number; preferSameZone: boolean }
  deadLetter?: DeadLetterSettings
  limits: SenderLimits
  logLevel: LogLevel
}

export interface QueueFile {
  type: 'Memory' | 'Disk'
  /** Of Disk alone, and then it is there: the queue's own, made where it is absent. */
  directory?: string
  /** Bytes of events: in memory, or on the disk. */
  maxSize: number
  onFull: 'Block' | 'DropOldest'
}

interface SenderLimits {
  /** Bytes of all events and requests in memory together; at least the queue's. Default 64Mi. */
  memory: number
  /** One event. Default 16Mi. */
  maxLine: number
  /** Body of one request to collect.http. Default 100Mi. */
  maxRequest: number
  /** Open connections of applications. Default 1000. */
  maxConnections: number
}

export interface HostEntry {
  /** IPv4, IPv6 without brackets, or a DNS name, which stands for all its addresses. */
  host: string
  port: number
  zone?: string
}

/** hosts.json of a sender. */
export interface HostsFile {
  /** Digest of the rest; changes whenever the rest does. */
  revision: string
  /** Sorted. An empty list keeps the hosts that the sender knew last. */
  hosts: HostEntry[]
  /** Name to verify in place of each host's own. */
  serverName?: string
  /** Resolved by the sender itself when all hosts fail: the Service's DNS name. */
  fallback?: { host: string; port: number }
  /** Node name → zone, so that a sender knows its own. */
  nodeZones?: Record<string, string>
}

/** What the container's arguments add to sidecar.json: where the program listens. */
export interface Placement {
  /**
   * Address to listen on for others: receivers, health. Empty: all addresses, of IPv6 too where the pod has that, which is
   * what sidecars do.
   */
  host: string
  /** Address to listen on for the pod's own application. Default 127.0.0.1. */
  loopback: string
  healthPort: number
}

export interface ReceiverSettings extends ReceiverFile, Placement {
  port: number
}

export interface SenderSettings extends SenderFile, Placement {
  collect: {
    stdin: boolean
    http?: { port: number }
    tcp?: { port: number }
    /** Absolute globs. */
    files?: { paths: readonly string[] }
  }
  /** For `decorate: Kubernetes`, and for the sender's own zone. */
  pod?: { namespace: string; name: string; node?: string }
}

/** Defaults of everything that a link does not say; flags have the same. */
export const defaults = {
  receiverPort: 9800,
  receiverHealthPort: 9601,
  senderHealthPort: 9602,
  receiverLimits: {
    memory: 64 * 2 ** 20,
    maxRequest: 100 * 2 ** 20,
    maxDecompressed: 100 * 2 ** 20,
    maxLine: 16 * 2 ** 20,
    maxConnections: 1000,
  },
  senderLimits: {
    memory: 64 * 2 ** 20,
    maxLine: 16 * 2 ** 20,
    maxRequest: 100 * 2 ** 20,
    maxConnections: 1000,
  },
  batch: { maxEvents: 1000, maxBytes: 2 ** 20, maxWait: 50 },
  queueMaxSize: 64 * 2 ** 20,
  /** By flags; a link says its queue's size the same way for both types. */
  diskQueueMaxSize: 256 * 2 ** 20,
  coolOff: 60_000,
  deadLetterMaxSize: 16 * 2 ** 20,
} as const
