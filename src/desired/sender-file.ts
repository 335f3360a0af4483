import { parseDuration } from '../api/duration.ts'
import type { LogstashLink, LogstashLinkSpec } from '../api/link.ts'
import { configFiles } from '../api/names.ts'
import type { Observed } from '../api/observed.ts'
import { parseQuantity } from '../api/quantity.ts'
import { needsIdentity } from '../api/roles.ts'
import {
  defaults,
  type QueueFile,
  type SenderFile,
  type TrustSource,
} from '../api/sidecar-config.ts'
import { trustKind } from '../api/trust-source.ts'
import { credentials, deadLetter, identitySource, linkKey } from './sidecar-file.ts'
import { statePath } from './state-volume.ts'

type Sender = NonNullable<LogstashLinkSpec['sender']>

/** sidecar.json of a link's senders. */
export function senderFile(observed: Observed, sender: Sender, trustBundle: string): SenderFile {
  const { link } = observed
  const { balancing } = link.spec
  const queue = queueOf(link, sender)
  return {
    role: 'sender',
    link: linkKey(link),
    hosts: { file: configFiles.hosts },
    tls: senderTls(link, senderTrust(observed, trustBundle)),
    ...credentials(link),
    decorate: sender.decorate,
    batch: {
      maxEvents: sender.batch.maxEvents,
      maxBytes: parseQuantity(sender.batch.maxBytes, 'spec.sender.batch.maxBytes'),
      maxWait: parseDuration(sender.batch.maxWait, 'spec.sender.batch.maxWait'),
    },
    queue,
    ...(sender.collect.files === undefined
      ? {}
      : { checkpoints: { directory: statePath(link, 'sender', 'checkpoints') } }),
    balancing: {
      coolOff: parseDuration(balancing.coolOff, 'spec.balancing.coolOff'),
      preferSameZone: balancing.preferSameZone,
    },
    deadLetter: deadLetter(link, 'sender'),
    limits: { ...defaults.senderLimits, memory: senderMemory(sender) },
    logLevel: sender.sidecar.logLevel,
  }
}

function queueOf(link: LogstashLink, { queue }: Sender): QueueFile {
  const { type, onFull } = queue
  const maxSize = parseQuantity(queue.maxSize, 'spec.sender.queue.maxSize')
  return type === 'Memory'
    ? { type, maxSize, onFull }
    : { type, directory: statePath(link, 'sender', 'queue'), maxSize, onFull }
}

/** Bytes: a queue in memory lies within the budget, one on disk only passes through it. */
export function senderMemory({ queue }: Sender): number {
  const { memory } = defaults.senderLimits
  return queue.type === 'Memory'
    ? Math.max(parseQuantity(queue.maxSize, 'spec.sender.queue.maxSize'), memory)
    : memory
}

function senderTls(link: LogstashLink, trust: TrustSource): SenderFile['tls'] {
  const { enabled, verificationMode, serverName } = link.spec.tls
  if (!enabled) return { enabled: false }
  return {
    enabled: true,
    trust,
    verification: verificationMode,
    ...(serverName === '' ? {} : { serverName }),
    ...(needsIdentity(link, 'sender') ? { identity: identitySource(link) } : {}),
  }
}

/**
 * The bundle is named even while it is empty: a sender that waits for it is safe, one that fell back to the system's
 * authorities would trust others than meant. Only where an issuer has delivered a certificate and no CA (ACME) its leaf is
 * one that the system's authorities vouch for.
 */
function senderTrust({ link, identities }: Observed, trustBundle: string): TrustSource {
  const kind = trustKind(link)
  const issued = identities.receiver?.notAfter !== undefined
  const system = kind === 'System' || (kind === 'Issuer' && issued && trustBundle === '')
  return system ? { type: 'system' } : { type: 'pem', ca: configFiles.trust }
}
