/** EndpointSlices → hosts. Several slices make one Service, and an endpoint may stand in two of them for a while. */
import type { EndpointSlice } from '../api/observed.ts'
import type { HostEntry } from '../api/sidecar-config.ts'

type Endpoint = NonNullable<EndpointSlice['endpoints']>[number]
type SlicePort = NonNullable<EndpointSlice['ports']>[number]

/** Which port of a slice is meant. */
export interface WantedPort {
  /** Name of the Service's port; undefined where it is not known. */
  name: string | undefined
  /** Number of the Service's port; the endpoint's own may differ, and is what counts. */
  number: number
}

/**
 * Union of the slices: each endpoint that is ready and does not terminate, once, sorted by host and port. The port is read
 * per slice, since pods from before a change of the port still listen on their own.
 *
 * A pod of a dual-stack cluster stands in an IPv4 and an IPv6 slice. Both together would give it twice the share of
 * events, so of each pod (by the uid of targetRef) only the IPv4 address is taken where it has one.
 */
export function hostsOf(
  slices: readonly EndpointSlice[],
  port: WantedPort,
  nodeZones: Readonly<Record<string, string>>,
): HostEntry[] {
  const inIPv4 = new Set(
    slices
      .filter((slice) => slice.addressType === 'IPv4' && portOf(slice, port) !== undefined)
      .flatMap((slice) => (slice.endpoints ?? []).filter(takesEvents))
      .flatMap((endpoint) => endpoint.targetRef?.uid ?? []),
  )
  const found = new Map<string, HostEntry>()
  for (const slice of slices) {
    const number = portOf(slice, port)
    if (number === undefined) continue
    for (const endpoint of (slice.endpoints ?? []).filter(takesEvents)) {
      const twin = endpoint.targetRef?.uid
      if (slice.addressType !== 'IPv4' && twin !== undefined && inIPv4.has(twin)) continue
      // All addresses of an endpoint mean the same, and consumers take the first (discovery.k8s.io/v1).
      const host = endpoint.addresses[0]
      if (host === undefined) continue
      const entry = { host, port: number, ...zoneOf(endpoint, nodeZones) }
      const key = `${host} ${number}`
      // Of the same endpoint in two slices the one that knows its zone is kept, whichever comes first.
      if (found.get(key)?.zone === undefined) found.set(key, entry)
    }
  }
  return sortHosts([...found.values()])
}

export function sortHosts(hosts: readonly HostEntry[]): HostEntry[] {
  return hosts.toSorted((a, b) => (a.host === b.host ? a.port - b.port : a.host < b.host ? -1 : 1))
}

/** Absent `ready` counts as ready (discovery.k8s.io/v1). A terminating endpoint leaves at once and finishes what it has. */
function takesEvents({ conditions }: Endpoint): boolean {
  return conditions?.ready !== false && conditions?.terminating !== true
}

/** By name; where that is not known by number, or the only one there is. */
function portOf(slice: EndpointSlice, wanted: WantedPort): number | undefined {
  const ports = (slice.ports ?? []).filter(({ protocol }) => (protocol ?? 'TCP') === 'TCP')
  const named =
    wanted.name === undefined ? undefined : ports.find(({ name }) => (name ?? '') === wanted.name)
  if (named !== undefined) return numberOf(named, wanted)
  const numbered = ports.find((port) => port.port === wanted.number)
  const only = ports.length === 1 ? ports[0] : undefined
  const port = wanted.name === undefined ? (numbered ?? only) : undefined
  return port === undefined ? undefined : numberOf(port, wanted)
}

/** A slice's port without number means every port. */
function numberOf(port: SlicePort, wanted: WantedPort): number {
  return port.port ?? wanted.number
}

function zoneOf(
  endpoint: Endpoint,
  nodeZones: Readonly<Record<string, string>>,
): { zone?: string } {
  const zone =
    endpoint.zone ?? (endpoint.nodeName === undefined ? undefined : nodeZones[endpoint.nodeName])
  return zone === undefined || zone === '' ? {} : { zone }
}
