/** HostsDiscovered: do senders have somebody to send to. */
import type { Observed } from '../api/observed.ts'
import type { HostsFile } from '../api/sidecar-config.ts'
import { plural, type Finding, type Problem } from './finding.ts'

type HostsFinding = Finding<'HostsDiscovered'>

export interface HostsResult {
  file: HostsFile
  problem?: string
  reason?: 'NoReadyEndpoints' | 'ServiceNotFound'
}

export function hostsDiscovered(
  { link }: Observed,
  hosts: HostsResult | undefined,
  oversized: readonly Problem[],
): HostsFinding {
  if (link.spec.sender === undefined) {
    return { status: 'True', reason: 'NotNeeded', message: 'No sender sidecars are asked for.' }
  }
  if (hosts === undefined) {
    return { status: 'Unknown', reason: 'Pending', message: 'The link is not accepted yet.' }
  }
  if (hosts.problem !== undefined) {
    return { status: 'False', reason: hosts.reason ?? 'NoReadyEndpoints', message: hosts.problem }
  }
  const tooLarge = oversized.filter(({ message }) => message.includes('hosts.json'))
  if (tooLarge.length > 0) {
    const message = tooLarge.map((each) => each.message).join(' ')
    return { status: 'False', reason: 'TooLarge', message }
  }
  const count = plural(hosts.file.hosts.length, 'host')
  return link.spec.receiver.hosts === undefined
    ? { status: 'True', reason: 'Discovered', message: `${count} from the Service’s endpoints.` }
    : { status: 'True', reason: 'Listed', message: `${count} in \`spec.receiver.hosts\`.` }
}
