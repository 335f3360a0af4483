/**
 * Conditions of a link, in the order in which `status.conditions` lists them, each with its reasons. Types and reasons are
 * user interface: they are never renamed. All of them are present from the first reconcile on.
 */

export const conditionTypes = [
  'Ready',
  'Accepted',
  'IdentityReady',
  'TrustDistributed',
  'HostsDiscovered',
  'ReceiversInjected',
  'SendersInjected',
  'Delivering',
] as const

export type ConditionType = (typeof conditionTypes)[number]
export type ConditionStatus = 'True' | 'False' | 'Unknown'

/**
 * Type → status → reasons. `NotNeeded` is True: a link without such a part has nothing to wait for, so that Ready can be
 * the conjunction of all others. Ready itself is True only if every other condition is True, Delivering aside: Unknown
 * there only means that nobody was asked yet.
 */
export const reasons = {
  /** The summary of all others. */
  Ready: {
    True: ['Ready'],
    /** The reason of the first condition that is not True stands in the message. */
    False: ['NotAccepted', 'NotReady', 'NotDelivering'],
    Unknown: ['Pending'],
  },
  /** The link is legal where it stands: what it names exists, what it needs is free to be used. */
  Accepted: {
    True: ['Accepted', 'Suspended'],
    False: [
      /** A Secret that auth or tls.trust names is not there. */
      'SecretNotFound',
      /** The Secret is there, a key of it is not, or holds what it should not. */
      'SecretInvalid',
      /** receiver.serviceRef names a Service that is not there. */
      'ServiceNotFound',
      /** An object of a name that is ours to use belongs to someone else. */
      'NameConflict',
      /** A link that was written before a rule existed, or an object of it that the cluster does not take. */
      'Invalid',
      /** The cluster does not let the operator write an object: a right or a quota is missing. It is tried again. */
      'Forbidden',
      /** New pods of the namespace get no sidecars yet. */
      'WebhookNotReady',
    ],
    Unknown: ['Pending'],
  },
  /** Certificates that are ours to ask for are issued and valid. */
  IdentityReady: {
    True: ['Issued', 'NotNeeded'],
    False: ['Issuing', 'Expired', 'IssuerFailed', 'SecretInvalid'],
    Unknown: ['Pending'],
  },
  /** What senders (and receivers, for client certificates) need to verify the other side is in their ConfigMaps. */
  TrustDistributed: {
    True: ['Distributed', 'NotNeeded'],
    False: ['NoAuthority', 'SecretNotFound', 'SecretInvalid', 'TooLarge'],
    Unknown: ['Pending'],
  },
  /** Senders have at least one receiver to send to. */
  HostsDiscovered: {
    True: ['Discovered', 'Listed', 'NotNeeded'],
    False: ['NoReadyEndpoints', 'ServiceNotFound', 'TooLarge'],
    Unknown: ['Pending'],
  },
  /** Every pod that receiver.selector picks has its sidecar, as the link wants it now. */
  ReceiversInjected: {
    True: ['Injected', 'NotNeeded'],
    False: ['NoPods', 'NotInjected', 'Outdated', 'NotReady', 'PortConflict', 'Skipped'],
    Unknown: ['Pending'],
  },
  /** The same for sender.selector. */
  SendersInjected: {
    True: ['Injected', 'NotNeeded'],
    False: ['NoPods', 'NotInjected', 'Outdated', 'NotReady', 'PortConflict', 'Skipped'],
    Unknown: ['Pending'],
  },
  /** Sidecars that were asked report no refusals, TLS errors or old events. The message says how many were asked. */
  Delivering: {
    True: ['Delivering', 'NotNeeded'],
    False: ['Unreachable', 'Delayed', 'SidecarProblem'],
    Unknown: ['NotSampled', 'Pending'],
  },
} as const satisfies Record<ConditionType, Record<ConditionStatus, readonly string[]>>

/** The reasons of one condition type, whatever its status. */
export type Reason<T extends ConditionType = ConditionType> =
  (typeof reasons)[T][ConditionStatus][number]
