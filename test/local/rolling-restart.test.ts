import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import type { KubeObject } from '../../src/api/objects.ts'
import { isReady } from '../../src/local/pod.ts'
import { eventually } from '../support/eventually.ts'
import { link, programMap, startShop, workload, type Shop } from '../support/local-shop.ts'

/** Posts one event after the other until a file says stop, and notes which were taken: a 2xx is what counts. */
const web = `
import { appendFileSync, existsSync } from 'node:fs'
const { LOGSTASH_LINK_POD_ADDRESS: host, ACKS } = process.env
const life = process.env.HOSTNAME + '-' + process.pid
for (let count = 0; !existsSync(ACKS + '/stop'); count += 1) {
  const id = life + '-' + count
  const taken = await fetch('http://' + host + ':9801', {
    method: 'POST',
    body: JSON.stringify({ id }),
  }).then(({ ok }) => ok, () => false)
  if (taken) appendFileSync(ACKS + '/acks', id + '\\n')
  await new Promise((resolve) => setTimeout(resolve, 5))
}
setInterval(() => {}, 1000)
`

const indexer = `
import { appendFileSync } from 'node:fs'
import { createServer } from 'node:http'
const { LOGSTASH_LINK_POD_ADDRESS: host, TAKEN } = process.env
createServer(async (request, response) => {
  const chunks = []
  for await (const chunk of request) chunks.push(chunk)
  if (chunks.length > 0) appendFileSync(TAKEN + '/events', Buffer.concat(chunks))
  response.end()
}).listen(8080, host)
`

const claim = (name: string) => ({ name, persistentVolumeClaim: { claimName: name } })

const senders = workload(
  'StatefulSet',
  { name: 'web', env: { ACKS: '/acks' }, mounts: { acks: '/acks' }, volumes: [claim('acks')] },
  { replicas: 2, volumeClaimTemplates: [{ metadata: { name: 'spool' } }] },
)
const receivers = workload(
  'Deployment',
  {
    name: 'indexer',
    env: { TAKEN: '/taken' },
    mounts: { taken: '/taken' },
    volumes: [claim('taken')],
    container: { readinessProbe: { httpGet: { path: '/', port: 8080 }, periodSeconds: 1 } },
  },
  { replicas: 2 },
)

const orders = link('orders', {
  receiver: { selector: { matchLabels: { app: 'indexer' } }, deliver: { http: { port: 8080 } } },
  sender: {
    selector: { matchLabels: { app: 'web' } },
    collect: { http: { port: 9801 } },
    queue: { type: 'Disk', volume: 'spool' },
  },
  tls: { issuerRef: { name: 'shop-ca' } },
})

/** As `kubectl rollout restart` does it. */
async function restart(shop: Shop, { apiVersion, kind, metadata }: KubeObject): Promise<void> {
  const key = { apiVersion, kind, name: metadata.name, namespace: 'shop' }
  const standing = await shop.cluster.get<
    KubeObject & { spec: { template: { metadata: object } } }
  >(key)
  assert.ok(standing)
  const template = {
    ...standing.spec.template,
    metadata: { ...standing.spec.template.metadata, annotations: { restarted: 'yes' } },
  }
  await shop.cluster.apply({
    ...{ apiVersion, kind },
    metadata: { name: metadata.name, namespace: 'shop' },
    spec: { ...standing.spec, template },
  })
}

async function untilReady(shop: Shop, restarted: boolean): Promise<void> {
  await eventually(
    'all four pods are ready',
    async () => {
      const pods = await shop.pods()
      const states = pods.map((pod) => ({
        ready: isReady(pod) && pod.metadata.deletionTimestamp === undefined,
        restarted: pod.metadata.annotations?.['restarted'] === 'yes',
      }))
      assert.deepEqual(
        states,
        Array.from({ length: 4 }, () => ({ ready: true, restarted })),
      )
    },
    { limitMs: 90_000, everyMs: 200 },
  )
}

test('nothing that was taken is lost while all senders and all receivers are restarted one after another under load', {
  timeout: 240_000,
}, async (t) => {
  const shop = await startShop(t, [
    orders,
    senders,
    receivers,
    programMap('web', web),
    programMap('indexer', indexer),
  ])
  await untilReady(shop, false)
  const arrived = (): Set<string> =>
    new Set(shop.claimed('taken', 'events').map((text) => (JSON.parse(text) as { id: string }).id))
  await eventually('events flow', () => assert.ok(arrived().size > 100))
  await Promise.all([restart(shop, senders), restart(shop, receivers)])
  await untilReady(shop, true)
  const before = shop.claimed('acks', 'acks').length
  await eventually('events flow again', () =>
    assert.ok(shop.claimed('acks', 'acks').length > before + 100),
  )
  writeFileSync(join(shop.folder, 'claims', 'shop_acks', 'stop'), '')
  await eventually('each event that was taken has arrived', () => {
    const there = arrived()
    const missing = shop.claimed('acks', 'acks').filter((id) => !there.has(id))
    assert.deepEqual(missing, [])
  })
  const [acks, lines] = [
    shop.claimed('acks', 'acks').length,
    shop.claimed('taken', 'events').length,
  ]
  t.diagnostic(`${acks} events, ${lines - arrived().size} arrived once more`)
})
