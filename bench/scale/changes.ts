/** Endpoints that change so many times a second, and the time until each stands in its ConfigMap. */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { request, type RequestOptions } from 'node:https'
import type { IncomingMessage } from 'node:http'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import type { ClusterClient } from '../../test/cluster/support/cluster-client.ts'
import { linkName, namespaceOf, times, type Size } from './population.ts'

/** ms, for each change in its order; undefined where it never came. */
export type Latencies = (number | undefined)[]

const service = (link: number): string => `${linkName(link)}-receiver`
const sliceName = (link: number): string => `${service(link)}-bench`
const lastWaitMs = 15_000
/** Of each link's slice, until it is changed. */
export const firstAddress = '10.246.0.1'

function slicesPath(link: number, size: Size): string {
  return `/apis/discovery.k8s.io/v1/namespaces/${namespaceOf(link, size)}/endpointslices`
}

/** One more slice for each link's Service, which no controller but this benchmark touches. */
export function createSlices(cluster: ClusterClient, size: Size): Promise<void> {
  return times(size.links, async (link) => {
    const { spec } = await cluster.api.object<{ spec: { ports: { name: string }[] } }>(
      'GET',
      `/api/v1/namespaces/${namespaceOf(link, size)}/services/${service(link)}`,
    )
    await cluster.api.object('POST', slicesPath(link, size), {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: {
        name: sliceName(link),
        labels: {
          'kubernetes.io/service-name': service(link),
          'endpointslice.kubernetes.io/managed-by': 'bench',
        },
      },
      addressType: 'IPv4',
      endpoints: [endpoint(firstAddress)],
      ports: [{ name: spec.ports[0]?.name, port: 9800, protocol: 'TCP' }],
    })
  })
}

/** Links in turn. The clock of a change starts when the API server has answered it. */
export async function changeEndpoints(
  cluster: ClusterClient,
  size: Size,
  { perSecond, seconds }: { perSecond: number; seconds: number },
): Promise<Latencies> {
  const count = perSecond * seconds
  const written = new Map<string, number>()
  const watch = await watchConfigMaps(cluster, (hosts, at) => {
    for (const host of hosts) if (!written.has(host)) written.set(host, at)
  })
  const answered = new Map<string, number>()
  const running = new Set<Promise<void>>()
  const began = performance.now()
  for (let index = 0; index < count; index += 1) {
    await delay(Math.max(0, began + (index * 1000) / perSecond - performance.now()))
    const address = `10.${247 + Math.floor(index / 62_500)}.${Math.floor(index / 250) % 250}.${1 + (index % 250)}`
    const link = index % size.links
    const change = cluster.api
      .object(
        'PATCH',
        `${slicesPath(link, size)}/${sliceName(link)}`,
        { endpoints: [endpoint(address)] },
        'application/merge-patch+json',
      )
      .then(() => void answered.set(address, performance.now()))
    running.add(change)
    void change.finally(() => running.delete(change))
  }
  await Promise.all(running)
  const limit = performance.now() + lastWaitMs
  while (written.size < count && performance.now() < limit) await delay(100)
  watch.stop()
  return [...answered].map(([address, at]) => {
    const seen = written.get(address)
    return seen === undefined ? undefined : Math.max(0, seen - at)
  })
}

export function quantile(latencies: Latencies, share: number): number {
  const sorted = latencies.map((each) => each ?? Number.POSITIVE_INFINITY).toSorted((a, b) => a - b)
  return Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0)
}

function endpoint(address: string): object {
  return { addresses: [address], conditions: { ready: true, serving: true, terminating: false } }
}

/** Tells of each ConfigMap of senders as it is written, which hosts it names. */
async function watchConfigMaps(
  { url, pki }: ClusterClient,
  seen: (hosts: string[], at: number) => void,
): Promise<{ stop(): void }> {
  const options: RequestOptions = {
    ca: readFileSync(pki.ca),
    cert: readFileSync(pki.cert),
    key: readFileSync(pki.key),
    agent: false,
  }
  const selector = encodeURIComponent('app.kubernetes.io/managed-by=logstash-link')
  const asked = request(
    new URL(
      `/api/v1/configmaps?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&labelSelector=${selector}`,
      url,
    ),
    options,
  )
  asked.end()
  const [answer] = (await once(asked, 'response')) as [IncomingMessage]
  const lines = createInterface(answer)
  lines.on('line', (line) => {
    const at = performance.now()
    const { object } = JSON.parse(line) as { object: { data?: { 'hosts.json'?: string } } }
    const file = object.data?.['hosts.json']
    if (file === undefined) return
    const { hosts } = JSON.parse(file) as { hosts: { host: string }[] }
    seen(
      hosts.map(({ host }) => host),
      at,
    )
  })
  // Ours to end; a watch that is cut meanwhile shows as changes that never came.
  for (const each of [asked, answer, lines]) each.on('error', () => undefined)
  return { stop: () => void asked.destroy() }
}
