/** What senders of a link connect to: the content of hosts.json. */
import { digestOf } from '../api/digest.ts'
import { parseHost } from '../api/hosts.ts'
import type { LogstashLink } from '../api/link.ts'
import { receiverPortName, roleName } from '../api/names.ts'
import type { Observed } from '../api/observed.ts'
import type { HostEntry, HostsFile } from '../api/sidecar-config.ts'
import { hostsOf, sortHosts } from './endpoints.ts'

export interface Discovery {
  /** Without hosts where there are none: senders then keep those that they knew last. */
  file: HostsFile
  /** A sentence where senders have nobody to send to. */
  problem?: string
  /** The reason of HostsDiscovered that goes with the problem. */
  reason?: 'NoReadyEndpoints' | 'ServiceNotFound'
}

/** The hosts of a link's receivers, of whichever kind, with the name that senders verify and where they look last. */
export function discoverHosts(observed: Observed): Discovery {
  const { link } = observed
  const { receiver } = link.spec
  if (receiver.hosts !== undefined) return { file: withRevision(link, listed(receiver.hosts), {}) }

  const service = receiver.serviceRef?.name ?? roleName(link.metadata.name, 'receiver')
  const number = receiver.serviceRef?.port ?? receiver.port
  if (receiver.serviceRef !== undefined && !observed.serviceExists) {
    const problem = `Service ${service}, named by \`spec.receiver.serviceRef.name\`, does not exist; senders keep the hosts that they know.`
    return { file: withRevision(link, [], {}), problem, reason: 'ServiceNotFound' }
  }
  const name =
    receiver.serviceRef === undefined
      ? receiverPortName(link.metadata.name)
      : nameOfPort(observed.servicePorts, number)
  const hosts = hostsOf(observed.slices, { name, number }, observed.nodeZones)
  const dnsName = `${service}.${link.metadata.namespace ?? 'default'}.svc`
  const file = withRevision(link, hosts, {
    // Where the certificate has other names alone (serviceNames: false) the rules ask for tls.serverName.
    serverName: dnsName,
    fallback: { host: dnsName, port: number },
    ...(link.spec.balancing.preferSameZone ? { nodeZones: observed.nodeZones } : {}),
  })
  return hosts.length > 0
    ? { file }
    : { file, problem: noEndpoints(observed, service, number), reason: 'NoReadyEndpoints' }
}

function nameOfPort(ports: Observed['servicePorts'], number: number): string | undefined {
  const port = ports?.find((each) => each.port === number)
  return port === undefined ? undefined : (port.name ?? '')
}

function listed(hosts: readonly string[]): HostEntry[] {
  const entries = hosts.map((text, index) => parseHost(text, `spec.receiver.hosts[${index}]`))
  return sortHosts([
    ...new Map(entries.map((each) => [`${each.host} ${each.port}`, each])).values(),
  ])
}

function withRevision(
  link: LogstashLink,
  hosts: HostEntry[],
  more: { serverName?: string | undefined } & Pick<HostsFile, 'fallback' | 'nodeZones'>,
): HostsFile {
  const { tls } = link.spec
  const { serverName: byDefault, ...rest } = more
  const serverName = tls.enabled ? tls.serverName || byDefault : undefined
  const content = { hosts, ...(serverName === undefined ? {} : { serverName }), ...rest }
  return { revision: digestOf(content), ...content }
}

function noEndpoints(observed: Observed, service: string, port: number): string {
  const known = observed.slices.reduce((sum, slice) => sum + (slice.endpoints?.length ?? 0), 0)
  const which = `Service ${service} has no ready endpoint for port ${port}`
  const but = known === 0 ? '' : `, of ${known} that it has`
  return `${which}${but}; senders keep the hosts that they know.`
}
