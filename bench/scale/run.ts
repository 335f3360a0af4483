/**
 * `npm run bench:scale`: the operator, installed by its chart, on a real API server with many links and pods (kwok's) and
 * many objects that are none of its business. Prints tables, writes JSON to bench/results. Everything runs in a network
 * of its own, in which one process answers `/status` for all sidecars.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import type { LogstashLink } from '../../src/api/link.ts'
import { buildBinaries } from '../../test/cluster/support/build-binaries.ts'
import { installChart, operatorNamespace } from '../../test/cluster/support/installed-chart.ts'
import { againInPodNetwork, hasPodNetwork } from '../../test/cluster/support/pod-network.ts'
import { openProcessWorld } from '../../test/cluster/support/process-world.ts'
import { answerForSidecars } from '../../test/cluster/support/sidecar-answers.ts'
import { changeEndpoints, createSlices, firstAddress, quantile } from './changes.ts'
import { costOf, difference, readMetrics, totals } from './operator-process.ts'
import { createLinks, createPods, linkPath, populate, times, type Size } from './population.ts'

if (!hasPodNetwork()) {
  // Building fetches modules, which that network cannot.
  process.exit((await buildBinaries()) ? await againInPodNetwork() : 1)
}

const { values } = parseArgs({
  options: {
    links: { type: 'string', default: '1000' },
    pods: { type: 'string', default: '10000' },
    secrets: { type: 'string', default: '30000' },
    namespaces: { type: 'string', default: '50' },
    'per-second': { type: 'string', default: '100' },
    seconds: { type: 'string', default: '60' },
  },
})
const size: Size = {
  links: Number(values.links),
  pods: Number(values.pods),
  secrets: Number(values.secrets),
  namespaces: Number(values.namespaces),
}
const rate = { perSecond: Number(values['per-second']), seconds: Number(values.seconds) }
/** First ports of sidecars: every address of a pod is this machine, so one listener answers for all of them. */
const sidecarPorts = [9601, 9602]
const longestMs = 20 * 60_000

const results: Record<string, unknown> = { size, rate, node: process.version }
const responders = await Promise.all(sidecarPorts.map(answerForSidecars))
const world = await openProcessWorld({ kwok: true })
const { cluster, node } = world
const { api } = cluster

try {
  await took('others are created', () => populate(api, size))
  await took('the chart is installed', () => installChart(cluster, { replicas: '1' }))
  await took('links are created', () => createLinks(api, size))
  await took('identities are issued and links accepted', () =>
    untilLinks(
      ({ conditions }) => isTrue(conditions, 'IdentityReady') && isTrue(conditions, 'Accepted'),
    ),
  )
  await took('pods are created', () => createPods(api, size))
  results['webhook'] = await webhookLatency()
  await took('all links are Ready', () =>
    untilLinks(({ conditions }) => isTrue(conditions, 'Ready')),
  )
  tell('operator after the first start', costOf(await operatorPid()))

  await took('the operator is gone', stopOperator)
  await changeAllLinks()
  results['coldStart'] = await took(
    'cold start: every link changed meanwhile is Ready again',
    async () => {
      await startOperator()
      await untilLinks(
        (status, link) =>
          status.observedGeneration === link.metadata.generation &&
          isTrue(status.conditions, 'Ready'),
      )
    },
  )
  tell('operator after the cold start', costOf(await operatorPid()))

  await took('slices are created and seen', async () => {
    await createSlices(cluster, size)
    await untilLinks(({ hosts }) => hosts?.includes(`${firstAddress}:9800`) === true)
  })
  results['changes'] = await measureChanges()
  tell('operator after the changes', costOf(await operatorPid()))
} finally {
  mkdirSync(new URL('../results', import.meta.url), { recursive: true })
  const file = new URL(`../results/scale-${new Date().toISOString()}.json`, import.meta.url)
  writeFileSync(file, JSON.stringify(results, null, 2))
  await world.close()
  for (const server of responders) server.close()
}

async function measureChanges(): Promise<object> {
  const url = await operatorUrl()
  const before = await readMetrics(url)
  const costBefore = costOf(await operatorPid())
  const latencies = await changeEndpoints(cluster, size, rate)
  const after = await readMetrics(url)
  const costAfter = costOf(await operatorPid())
  const requests = (samples: typeof before) =>
    totals(samples, 'logstash_link_kube_requests_total', ['verb', 'resource'])
  const changes = {
    changes: latencies.length,
    never: latencies.filter((each) => each === undefined).length,
    p50: quantile(latencies, 0.5),
    p99: quantile(latencies, 0.99),
    cpuPerChangeMs: ((costAfter.cpu - costBefore.cpu) * 1000) / latencies.length,
  }
  tell('changes', changes)
  const asked = difference(requests(after), requests(before))
  const perChange = Object.fromEntries(
    Object.entries(asked).map(([key, value]) => [
      key,
      Number((value / latencies.length).toFixed(3)),
    ]),
  )
  tell('API requests per change', perChange)
  return { ...changes, requestsPerChange: perChange }
}

/** From the webhook's own histogram. */
async function webhookLatency(): Promise<object> {
  const samples = await readMetrics(await operatorUrl())
  const buckets = totals(samples, 'logstash_link_webhook_request_duration_seconds_bucket', ['le'])
  const all = buckets.get('+Inf') ?? 0
  const upTo = (share: number): string =>
    [...buckets].find(([, count]) => count >= all * share)?.[0] ?? 'none'
  const found = { requests: all, p50UpToSeconds: upTo(0.5), p99UpToSeconds: upTo(0.99) }
  tell('webhook', found)
  return found
}

type Status = NonNullable<LogstashLink['status']>

function isTrue(conditions: Status['conditions'], type: string): boolean {
  return conditions?.some((each) => each.type === type && each.status === 'True') === true
}

async function untilLinks(good: (status: Status, link: LogstashLink) => boolean): Promise<void> {
  const limit = performance.now() + longestMs
  for (;;) {
    const { items } = await api.object<{ items: LogstashLink[] }>(
      'GET',
      '/apis/logstashlink.io/v1alpha1/logstashlinks',
    )
    const bad = items.filter((link) => link.status === undefined || !good(link.status, link))
    if (bad.length === 0 && items.length === size.links) return
    if (performance.now() > limit) {
      const [first] = bad
      throw new Error(
        `${bad.length} links are not there yet, such as ${JSON.stringify(first?.status)}`,
      )
    }
    await delay(1000)
  }
}

/** While nobody looks, so that each link needs its ConfigMaps and its status written. */
function changeAllLinks(): Promise<void> {
  return times(size.links, async (link) => {
    await api.object(
      'PATCH',
      linkPath(link, size),
      { spec: { balancing: { coolOff: '30s' } } },
      'application/merge-patch+json',
    )
  })
}

function scaleOperator(replicas: number): Promise<string> {
  return cluster.kubectl([
    'scale',
    'deployment/logstash-link',
    '-n',
    operatorNamespace,
    `--replicas=${replicas}`,
  ])
}

async function stopOperator(): Promise<void> {
  await scaleOperator(0)
  await cluster.kubectl([
    'wait',
    '--for=delete',
    'pod',
    '-l',
    'app.kubernetes.io/name=logstash-link',
    '-n',
    operatorNamespace,
    '--timeout=60s',
  ])
}

async function startOperator(): Promise<void> {
  await scaleOperator(1)
}

async function operatorUrl(): Promise<string> {
  const { items } = await api.object<{ items: { status: { podIP?: string } }[] }>(
    'GET',
    `/api/v1/namespaces/${operatorNamespace}/pods`,
  )
  return `http://${items[0]?.status.podIP ?? ''}:8080`
}

async function operatorPid(): Promise<number> {
  const found = node.kubelet.processes().find(({ container }) => container === 'operator')
  if (found === undefined) throw new Error('The operator does not run')
  return found.pid
}

async function took(what: string, work: () => Promise<unknown>): Promise<number> {
  const began = performance.now()
  await work()
  const seconds = Math.round((performance.now() - began) / 100) / 10
  tell(what, { seconds })
  return seconds
}

function tell(what: string, figures: object): void {
  results[what] = figures
  console.log(`${what}: ${JSON.stringify(figures)}`)
}
