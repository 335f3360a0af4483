/**
 * Each way in which a link can be written, applied to a real control plane with cert-manager and run: numbered events go
 * into the application's side of senders and are counted on the application's side of receivers.
 */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { Condition } from '../../src/api/link.ts'
import { eventually } from '../support/eventually.ts'
import { openssl, withoutOpenssl } from '../support/openssl.ts'
import { leafAt, renewCertificate } from './support/renewal.ts'
import { openEverythingWorld, type EverythingWorld } from './support/everything-world.ts'
import { post } from './support/foreign-output.ts'
import { skipOutsidePodNetwork as skip } from './support/pod-network.ts'

const workloads = fileURLToPath(new URL('manifests/everything/workloads.yaml', import.meta.url))
/** The contract's own documents, where they lie beside the checkout. */
const contract = fileURLToPath(new URL('../../../shared/examples/', import.meta.url))

interface Link {
  metadata: { name: string; generation: number }
  spec: object
  status: { conditions: Condition[]; hosts: string[] }
}

const workloadNames = [
  ...['archive', 'batch', 'indexer', 'ingest-a', 'ingest-b', 'inlet', 'logstash', 'web-a', 'web-b'],
]

/** Events of a route between two looks at whether it is to end. */
const perRound = 50

/** From the application's side of a sender to the application's side of its receivers. */
const routes = [
  { link: 'orders', from: 'web-a', collect: 'http:9801', at: 'indexer-' },
  { link: 'audit', from: 'web-a', collect: 'http:9811', at: 'ingest-' },
  { link: 'audit', from: 'web-b', collect: 'tcp:9812', at: 'ingest-' },
  { link: 'offsite-reachable', from: 'web-a', collect: 'http:9822', at: 'offsite-10.245.250.' },
  { link: 'to-logstash', from: 'web-b', collect: 'tcp:9832', at: 'logstash-' },
  { link: 'plain', from: 'batch', collect: 'http:9841', at: 'indexer-' },
  { link: 'tail', from: 'web-a', collect: 'file:app.log', at: 'archive-' },
]

describe('everything that a link can say', { skip }, () => {
  let world: EverythingWorld
  before(async () => {
    world = await openEverythingWorld()
  })
  after(() => world.close())

  const links = [
    ...['audit', 'inlet', 'offsite', 'offsite-reachable', 'orders', 'plain', 'tail', 'to-logstash'],
  ]

  it('is accepted', async () => {
    for (const link of links) {
      await world.shop('wait', `lsl/${link}`, '--for=condition=Accepted', '--timeout=60s')
    }
  })

  it('becomes Ready, with all its sidecars side by side in the pods', async () => {
    await world.cluster.kubectl(['apply', '-f', workloads])
    for (const name of workloadNames) {
      await world.shop('rollout', 'status', `deployment/${name}`, '--timeout=120s')
    }
    for (const link of links.filter((name) => name !== 'offsite')) {
      await world.shop('wait', `lsl/${link}`, '--for=condition=Ready', '--timeout=90s')
    }
    const sidecars = await world.shop(
      ...['get', 'pods', '-l', 'workload=web-a', '-o'],
      'jsonpath={.items[0].spec.initContainers[*].name}',
    )
    assert.deepEqual(
      sidecars.split(' ').toSorted(),
      ['audit', 'offsite', 'offsite-reachable', 'orders', 'tail', 'to-logstash'].map(
        (link) => `lsl-sender-${link}`,
      ),
    )
  })

  for (const { link, from, collect, at } of routes) {
    it(`carries events of ${link} from ${collect} to ${at}, and loses none`, async () => {
      const tag = `${link}-${collect.replace(':', '-')}`
      const pod = await world.send({ from, collect, tag, count: 1000 })
      const arrivals = await world.allArrived(tag, pod, 1000)
      assert.deepEqual(
        arrivals.filter((each) => !each.at.startsWith(at)),
        [],
      )
    })
  }

  it('decorates events with where they come from, and keeps them in their zone', async () => {
    for (const zone of ['a', 'b']) {
      const tag = `zone-${zone}`
      const pod = await world.send({ from: `web-${zone}`, collect: 'http:9811', tag, count: 500 })
      for (const { at, event } of await world.allArrived(tag, pod, 500)) {
        assert.deepEqual(event.kubernetes, { namespace: 'shop', pod, node: `zone-${zone}` })
        assert.ok(at.startsWith(`ingest-${zone}-`), `${event.id} went to ${at}`)
      }
    }
  })

  it('writes hosts outside as they stand in the link, and says which name nobody knows', async () => {
    await eventually('its conditions say so', async () => {
      const { status } = await world.object<Link>('lsl', 'offsite')
      assert.deepEqual(
        status.conditions.map((each) => `${each.type} ${each.status} ${each.reason}`),
        [
          'Ready False NotDelivering',
          'Accepted True Accepted',
          'IdentityReady True NotNeeded',
          'TrustDistributed True Distributed',
          'HostsDiscovered True Listed',
          'ReceiversInjected True NotNeeded',
          'SendersInjected True Injected',
          'Delivering False SidecarProblem',
        ],
      )
      assert.match(status.conditions.at(-1)?.message ?? '', /ds\.example\.com cannot be resolved/)
    })
    const { data } = await world.object<{ data: Record<string, string> }>(
      'configmap',
      'offsite-sender',
    )
    const { hosts } = JSON.parse(data['hosts.json'] ?? '') as {
      hosts: { host: string; port: number }[]
    }
    assert.deepEqual(hosts.map(({ host, port }) => `${host} ${port}`).toSorted(), [
      '10.0.0.123 9800',
      '10.0.0.125 9801',
      '2001:db8::7334 9804',
      'ds.example.com 9800',
    ])
    assert.equal(data['ca.crt']?.trim(), (await world.secret('offsite-ca', 'ca.crt')).trim())
  })

  it('takes events only with a client certificate and the password where the link asks for both', async () => {
    const [url, ca] = await door('audit', 'ingest-a', 9810)
    const identity = {
      cert: await world.secret('audit-sender-tls', 'tls.crt'),
      key: await world.secret('audit-sender-tls', 'tls.key'),
    }
    // An identity of another authority of this cluster.
    const foreign = {
      cert: await world.secret('inlet-receiver-tls', 'tls.crt'),
      key: await world.secret('inlet-receiver-tls', 'tls.key'),
    }
    const auth = 'web:only for tests'
    await assert.rejects(post(url, { ca, auth }), {
      code: 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED',
    })
    await assert.rejects(post(url, { ca, auth, ...foreign }), { code: /^(ERR_SSL|ECONNRESET)/ })
    assert.equal(await post(url, { ca, ...identity }), 401)
    assert.equal(await post(url, { ca, auth: 'web:guessed', ...identity }), 401)
    assert.equal(await post(url, { ca, auth, ...identity }), 200)
  })

  it('is known by the addresses of its pods', { skip: withoutOpenssl }, async () => {
    for (const [workload, port] of [
      ['ingest-a', 9810],
      ['ingest-b', 9810],
      ['inlet', 9800],
    ] as const) {
      for (const ip of await ipsOf(workload)) {
        const { output } = openssl(['s_client', '-connect', `${ip}:${port}`, '-showcerts'])
        const names = openssl(['x509', '-noout', '-ext', 'subjectAltName'], output).output
        assert.match(
          names,
          new RegExp(String.raw`IP Address:${ip.replaceAll('.', String.raw`\.`)}\b`),
        )
        if (port === 9810)
          assert.match(names, /DNS:audit\.shop\.example\.com.*IP Address:192\.0\.2\.10/)
      }
    }
  })

  it('lets a Logstash of someone else’s making deliver to receivers that stand alone', async () => {
    const ips = await ipsOf('inlet')
    assert.equal(ips.length, 2)
    const [, ca] = await door('inlet', 'inlet', 9800)
    for (const [index, ip] of ips.entries()) {
      const lines = Array.from(
        { length: 125 },
        (_, number) => `{"id":"inlet/foreign/${index * 125 + number}","@version":"1"}\n`,
      )
      assert.equal(await post(`https://${ip}:9800`, { ca, body: lines.join('') }), 200)
    }
    const arrivals = await world.allArrived('inlet', 'foreign', 250)
    assert.equal(new Set(arrivals.map(({ at }) => at)).size, 2)
  })

  it('loses nothing while receivers and applications are restarted one after another', async (t) => {
    const flows = startFlows('restart')
    for (const name of ['ingest-a', 'ingest-b', 'indexer', 'logstash']) {
      await world.shop('rollout', 'restart', `deployment/${name}`)
      await world.shop('rollout', 'status', `deployment/${name}`, '--timeout=90s')
    }
    t.diagnostic(await flows.end())
  })

  it('serves a renewed certificate without a restart, and loses nothing meanwhile', {
    skip: withoutOpenssl,
  }, async (t) => {
    const doors = [
      ['ingest-a', 9810],
      ['indexer', 9800],
    ] as const
    const before = await Promise.all(doors.map(([workload, port]) => served(workload, port)))
    const identityBefore = await world.secret('audit-sender-tls', 'tls.crt')
    const flows = startFlows('renewal')
    for (const name of ['audit-receiver', 'audit-sender', 'orders-receiver']) {
      await renewCertificate(world.cluster, 'shop', name)
    }
    for (const [index, [workload, port]] of doors.entries()) {
      await eventually(`${workload} serves a new leaf`, async () => {
        const now = await served(workload, port)
        assert.equal(now.ip, before[index]?.ip)
        assert.notEqual(now.leaf, before[index]?.leaf)
      })
    }
    await eventually('senders have a new identity', async () =>
      assert.notEqual(await world.secret('audit-sender-tls', 'tls.crt'), identityBefore),
    )
    t.diagnostic(await flows.end())
    const restarts = await world.shop(
      ...['get', 'pods', '-o'],
      'jsonpath={.items[*].status.initContainerStatuses[*].restartCount}',
    )
    assert.match(restarts, /^[0 ]+$/)
  })

  it('says the same in the words of the contract', { skip: !existsSync(contract) }, async () => {
    const names = ['audit', 'tail', 'offsite', 'to-logstash', 'plain', 'inlet', 'orders']
    const generations = () =>
      Promise.all(
        names.map(async (name) => (await world.object<Link>('lsl', name)).metadata.generation),
      )
    const before = await generations()
    for (const file of ['everything.yaml', 'quickstart.yaml']) {
      await world.cluster.kubectl(['apply', '-f', `${contract}${file}`])
    }
    assert.deepEqual(await generations(), before)
  })

  async function ipsOf(workload: string): Promise<string[]> {
    const pods = await world.podsOf('shop')
    const ips = pods.filter(({ labels }) => labels['workload'] === workload).map(({ ip }) => ip)
    assert.ok(ips.length > 0, `no pod of ${workload} is ready`)
    return ips
  }

  async function door(link: string, workload: string, port: number): Promise<[string, string]> {
    const [ip] = await ipsOf(workload)
    return [`https://${ip}:${port}`, await world.secret(`${link}-receiver-tls`, 'ca.crt')]
  }

  /** Of one pod of the workload. */
  async function served(workload: string, port: number): Promise<{ ip: string; leaf: string }> {
    const [ip = ''] = await ipsOf(workload)
    return { ip, leaf: leafAt(ip, port) }
  }

  /** Events on all routes at once, round after round until their end, which awaits that all have arrived, and counts. */
  function startFlows(name: string): { end(): Promise<string> } {
    const ended = new AbortController()
    const flow = async ({ link, from, collect }: (typeof routes)[number]) => {
      const rounds: { tag: string; pod: string }[] = []
      do {
        const tag = `${name}-${link}-${collect.replace(':', '-')}-${rounds.length}`
        rounds.push({
          tag,
          pod: await world.send({ from, collect, tag, count: perRound, every: 20 }),
        })
      } while (!ended.signal.aborted)
      return rounds
    }
    const sent = Promise.all(routes.map(flow))
    // Awaited later: a failure meanwhile is told then.
    sent.catch(() => undefined)
    return {
      async end() {
        ended.abort()
        const rounds = (await sent).flat()
        let arrived = 0
        for (const { tag, pod } of rounds) {
          arrived += (await world.allArrived(tag, pod, perRound)).length
        }
        const events = rounds.length * perRound
        return `${events} events, ${arrived - events} arrived once more`
      },
    }
  }
})
