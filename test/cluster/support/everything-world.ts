/**
 * The chart installed, and the namespace `shop` with all that test/cluster/manifests/everything holds: each way in which a
 * link can be written, with its applications as processes on nodes of two zones, and a receiver outside the cluster.
 */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createLog } from '../../../src/telemetry/log.ts'
import { eventually } from '../../support/eventually.ts'
import { installChart } from './installed-chart.ts'
import { startOutsideReceivers } from './outside-receivers.ts'
import { startProcessNode, type ProcessNode } from './process-node.ts'
import { openProcessWorld, type ProcessWorld } from './process-world.ts'

const namespace = 'shop'
const zoneLabel = 'topology.kubernetes.io/zone'
const manifests = fileURLToPath(new URL('../manifests/everything/', import.meta.url))
/** As links.yaml names them in `offsite-reachable`. */
const outsidePlaces = [
  { host: '10.245.250.1', port: 9800 },
  { host: '10.245.250.2', port: 9801 },
]

/** An event as it was printed by the application that took it. */
interface Arrival {
  id: string
  /** The pod that printed it, or `offsite-<address>`. */
  at: string
  event: { id: string; kubernetes?: { namespace: string; pod: string; node?: string } }
}

interface Sending {
  /** Workload whose pod makes the events. */
  from: string
  /** Its side of the sender, as `http:9801`. */
  collect: string
  tag: string
  count: number
  /** Pause between two events, ms; without it as fast as they are taken. */
  every?: number
}

export interface EverythingWorld extends ProcessWorld {
  /** In the namespace. */
  shop(...args: string[]): Promise<string>
  object<T>(kind: string, name: string): Promise<T>
  /** A key of a Secret, decoded. */
  secret(name: string, key: string): Promise<string>
  /** Resolves once the sender has taken the last one; with the pod's name. */
  send(sending: Sending): Promise<string>
  /** What applications have printed of events whose id begins with this tag, in all pods that ever were. */
  arrivals(tag: string): Arrival[]
  /** Awaits that each of `count` events of this tag and pod has arrived. */
  allArrived(tag: string, pod: string, count: number): Promise<Arrival[]>
}

export async function openEverythingWorld(): Promise<EverythingWorld> {
  const world = await openProcessWorld()
  const outside = await startOutsideReceivers(outsidePlaces)
  const log = createLog({ program: 'test', level: 'Warn' })
  const node = (zone: 'a' | 'b') =>
    startProcessNode({
      api: world.cluster.api,
      cluster: world.admin,
      name: `zone-${zone}`,
      parent: tmpdir(),
      log,
      labels: { [zoneLabel]: zone },
      dedicated: true,
      range: zone === 'a' ? 1 : 2,
    })
  const nodes = [world.node, await node('a'), await node('b')]
  await installChart(world.cluster)
  await prepare(world, outside.ca)

  const shop = (...args: string[]) => world.cluster.kubectl([...args, '-n', namespace])
  const object = async <T>(kind: string, name: string) =>
    JSON.parse(await shop('get', kind, name, '-o', 'json')) as T
  const arrivals = (tag: string) =>
    [...nodes.map(logsOf), outside.logs].flatMap((path) => printed(path, `${tag}/`))
  return {
    ...world,
    shop,
    object,
    async secret(name, key) {
      const { data } = await object<{ data: Record<string, string> }>('secret', name)
      return Buffer.from(data[key] ?? '', 'base64').toString()
    },
    async send({ from, collect, tag, count, every = 0 }) {
      const pods = await world.podsOf(namespace)
      const pod = pods.find(({ labels }) => labels['workload'] === from)
      assert.ok(pod, `no pod of ${from} is ready`)
      const query = new URLSearchParams({ collect, tag, count: `${count}`, every: `${every}` })
      const answer = await fetch(`http://${pod.ip}:8080/events?${query.toString()}`, {
        method: 'POST',
      })
      assert.deepEqual(await answer.json(), { taken: count })
      return pod.name
    },
    arrivals,
    async allArrived(tag, pod, count) {
      const wanted = Array.from({ length: count }, (_, index) => `${tag}/${pod}/${index}`)
      return eventually(`all events of ${tag} have arrived`, () => {
        const found = arrivals(tag)
        const ids = new Set(found.map(({ id }) => id))
        const missing = wanted.filter((id) => !ids.has(id))
        assert.deepEqual(missing, [], `${missing.length} of ${count} are missing`)
        return found
      })
    },
    async close() {
      await Promise.all(nodes.slice(1).map((each) => each.stop()))
      await world.close()
      await outside.stop()
    },
  }
}

/** Links first, so that all pods are made with their sidecars. */
async function prepare({ cluster }: ProcessWorld, offsiteCa: string): Promise<void> {
  const apply = (name: string) => cluster.kubectl(['apply', '-f', join(manifests, name)])
  const shop = (...args: string[]) => cluster.kubectl([...args, '-n', namespace])
  await cluster.kubectl(['create', 'namespace', namespace])
  await apply('named.yaml')
  await shop('create', 'secret', 'generic', 'offsite-ca', `--from-literal=ca.crt=${offsiteCa}`)
  await shop('create', 'configmap', 'apps', `--from-file=${join(manifests, 'apps')}`)
  await shop('wait', 'certificate', '--all', '--for=condition=Ready', '--timeout=60s')
  await apply('links.yaml')
}

function logsOf({ folder }: ProcessNode): string {
  return join(folder, 'logs')
}

/** Files are `<namespace>_<pod>_<container>.log`; lines that are no events are the programs' own. */
function printed(folder: string, beginning: string): Arrival[] {
  const mark = `"id":"${beginning}`
  return readdirSync(folder)
    .filter((file) => /^(shop_|offsite-)/.test(file))
    .flatMap((file) => {
      const at = file.split('_')[1] ?? file
      return readFileSync(join(folder, file), 'utf8')
        .split('\n')
        .slice(0, -1)
        .filter((line) => line.includes(mark))
        .map((line) => JSON.parse(line) as Arrival['event'])
        .map((event) => ({ id: event.id, at, event }))
    })
}
