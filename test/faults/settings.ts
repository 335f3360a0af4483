/** What the six programs are told: their files and their command lines. */
import { join } from 'node:path'
import type { HostsFile, ReceiverFile, SenderFile } from '../../src/api/sidecar-config.ts'
import { defaults } from '../../src/api/sidecar-config.ts'
import type { Certificates } from './certificates.ts'
import { receivers, type ReceiverIndex, type Schedule, type SenderName } from './schedule.ts'

/** All listen on the world's own loopback address, so that ports never meet those of anyone else. */
export const ports = {
  application: 21700,
  receiver: (index: ReceiverIndex): number => 21800 + index,
  /** Where senders believe the receiver to be. */
  proxy: (index: ReceiverIndex): number => 21900 + index,
  receiverHealth: (index: ReceiverIndex): number => 21610 + index,
  senderHealth: { 'sender-http': 21620, 'sender-files': 21621, 'sender-tcp': 21622 },
  collectHttp: 21631,
  collectTcp: 21632,
} as const

export function receiverFile(
  index: ReceiverIndex,
  options: { schedule: Schedule; certificates: Certificates; folder: string; url: string },
): ReceiverFile {
  const { schedule, certificates, folder, url } = options
  const name = `receiver-${index}` as const
  return {
    role: 'receiver',
    tls: {
      enabled: true,
      identity: { type: 'pem', cert: certificates.certOf(name), key: certificates.keyOf(name) },
      ...(schedule.clientCertificates
        ? {
            clientAuthentication: 'Required',
            clientTrust: { type: 'pem', ca: certificates.bundle },
          }
        : { clientAuthentication: 'None' }),
    },
    deliver: { type: 'http', url },
    deadLetter: { directory: deadLettersOf(folder, index), maxSize: defaults.deadLetterMaxSize },
    limits: defaults.receiverLimits,
    logLevel: 'Info',
  }
}

export function senderFile(
  name: SenderName,
  options: { schedule: Schedule; certificates: Certificates; folder: string; hosts: string },
): SenderFile {
  const { schedule, certificates, folder, hosts } = options
  const state = stateOf(folder, name)
  const disk = name !== 'sender-http' || schedule.httpQueue === 'Disk'
  return {
    role: 'sender',
    hosts: { file: hosts },
    tls: {
      enabled: true,
      trust: { type: 'pem', ca: certificates.bundle },
      verification: 'Full',
      ...(schedule.clientCertificates
        ? {
            identity: {
              type: 'pem',
              cert: certificates.certOf(name),
              key: certificates.keyOf(name),
            },
          }
        : {}),
    },
    decorate: 'None',
    batch: { maxEvents: 200, maxBytes: 64 * 1024, maxWait: 50 },
    queue: {
      ...(disk ? { type: 'Disk', directory: queueOf(folder, name) } : { type: 'Memory' }),
      maxSize: schedule.queueSize,
      onFull: 'Block',
    },
    ...(name === 'sender-files' ? { checkpoints: { directory: join(state, 'checkpoints') } } : {}),
    balancing: { coolOff: 2000, preferSameZone: false },
    deadLetter: { directory: join(state, 'dead-letters'), maxSize: defaults.deadLetterMaxSize },
    limits: defaults.senderLimits,
    logLevel: 'Info',
  }
}

export function hostsFile(
  address: string,
  revision: number,
  listed: readonly ReceiverIndex[] = receivers,
): HostsFile {
  const hosts = listed.map((index) => ({ host: address, port: ports.proxy(index) }))
  return { revision: String(revision), hosts }
}

export function senderArguments(name: SenderName, folder: string): string[] {
  const feed = {
    'sender-http': ['--http', String(ports.collectHttp)],
    'sender-tcp': ['--tcp', String(ports.collectTcp)],
    'sender-files': ['--file', join(logsOf(folder), 'app.log*')],
  }
  const health = String(ports.senderHealth[name])
  return ['sender', '--config', configOf(folder, name), ...feed[name], '--health-port', health]
}

export function receiverArguments(index: ReceiverIndex, folder: string): string[] {
  const port = ['--port', String(ports.receiver(index))]
  const health = ['--health-port', String(ports.receiverHealth(index))]
  return ['receiver', '--config', configOf(folder, `receiver-${index}`), ...port, ...health]
}

export function configOf(folder: string, name: string): string {
  return join(folder, name, 'sidecar.json')
}

/** Of a sender: its queue, its checkpoints, its dead letters. */
export function stateOf(folder: string, name: SenderName): string {
  return join(folder, name, 'state')
}

export function queueOf(folder: string, name: SenderName): string {
  return join(stateOf(folder, name), 'queue')
}

export function deadLettersOf(folder: string, index: ReceiverIndex): string {
  return join(folder, `receiver-${index}`, 'dead-letters')
}

export function logsOf(folder: string): string {
  return join(folder, 'logs')
}
