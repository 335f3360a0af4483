/** The end of pods: native sidecars outlive the application, send what it wrote last, and keep to the pod's grace. */
import assert from 'node:assert/strict'
import test from 'node:test'
import type { KubeObject } from '../../src/api/objects.ts'
import { jobKind } from '../../src/local/workloads/job.ts'
import { eventually } from '../support/eventually.ts'
import {
  barePod,
  job,
  link,
  programMap,
  startShop,
  workload,
  type Shop,
} from '../support/local-shop.ts'
import { startTestReceiver } from '../support/receivers.ts'

/** Writes numbered lines by HOW; the last one at the very end: of its work, or of its life where WAIT says so. */
const writer = `
import { appendFileSync } from 'node:fs'
import { connect } from 'node:net'
const { LOGSTASH_LINK_POD_ADDRESS: host, HOW, LOG, WAIT } = process.env
const ways = {
  async http(text) {
    for (;;) if ((await fetch('http://' + host + ':9801', { method: 'POST', body: text })).ok) return
  },
  tcp: (text) => new Promise((resolve) => {
    const socket = connect(9802, host, () => socket.end(text, resolve))
  }),
  async files(text) { appendFileSync(LOG, text) },
}
const write = (from, to) => {
  let text = ''
  for (let id = from; id < to; id += 1) text += '{"id":' + id + '}\\n'
  return ways[HOW](text)
}
const told = Promise.withResolvers()
if (WAIT) {
  process.on('SIGTERM', told.resolve)
  setInterval(() => {}, 1000)
} else told.resolve()
await write(0, 99)
await told.promise
await write(99, 100)
process.exit(0)
`

const logs = { name: 'logs', emptyDir: {} }
const all = Array.from({ length: 100 }, (_, id) => `{"id":${id}}`)
const hows = ['http', 'tcp', 'files'] as const

/** A link from pods `writer` to a port of this machine. */
function linkTo(port: number, sender: object = {}): KubeObject {
  const files = { volume: 'logs', paths: ['/var/log/app/*.log'] }
  return link('drain', {
    receiver: { hosts: [`127.0.0.1:${port}`] },
    sender: {
      selector: { matchLabels: { app: 'writer' } },
      collect: { http: { port: 9801 }, tcp: { port: 9802 }, files },
      ...sender,
    },
    tls: { enabled: false },
  })
}

function work(env: Record<string, string>) {
  return {
    name: 'writer',
    env: { LOG: '/var/log/app/app.log', ...env },
    mounts: { logs: '/var/log/app' },
    volumes: [logs],
  }
}

async function deletePod(shop: Shop, name: string): Promise<void> {
  const key = { apiVersion: 'v1', kind: 'Pod', namespace: 'shop', name }
  const uid = (await shop.cluster.get(key))?.metadata.uid
  await shop.cluster.delete(key)
  await eventually('the pod is gone', async () => {
    assert.notEqual((await shop.cluster.get(key))?.metadata.uid, uid)
  })
}

for (const how of hows) {
  test(`a Job completes once all that it wrote by ${how} has arrived, its last line too`, async (t) => {
    const receiver = await startTestReceiver(t)
    const shop = await startShop(t, [
      linkTo(receiver.port),
      programMap('writer', writer),
      job(work({ HOW: how })),
    ])
    await eventually('the Job is complete', async () => {
      const found = await shop.get<KubeObject & { status?: { succeeded?: number } }>(
        jobKind,
        'writer',
      )
      assert.equal(found?.status?.succeeded, 1)
    })
    // Now, not eventually: complete means that nothing is under way.
    assert.deepEqual(receiver.accepted.toSorted(), all.toSorted())
  })

  test(`an application's last line, written by ${how} when it is told to end, arrives before its pod is gone`, async (t) => {
    const receiver = await startTestReceiver(t)
    const shop = await startShop(t, [
      linkTo(receiver.port),
      programMap('writer', writer),
      barePod(work({ HOW: how, WAIT: 'yes' })),
    ])
    await eventually('the first lines arrive', () => {
      assert.deepEqual(receiver.accepted.toSorted(), all.slice(0, 99).toSorted())
    })
    await deletePod(shop, 'writer')
    assert.deepEqual(receiver.accepted.toSorted(), all.toSorted())
  })
}

const sidecar = 'lsl-sender-drain'
const short = { terminationGracePeriodSeconds: 5 }

test('in a pod with a short grace the sidecar ends within it, and says how many events remain in memory', async (t) => {
  const receiver = await startTestReceiver(t, { behaviour: () => 503 })
  const shop = await startShop(t, [
    linkTo(receiver.port),
    programMap('writer', writer),
    barePod({ ...work({ HOW: 'tcp', WAIT: 'yes' }), more: short }),
  ])
  await eventually('events are tried', () => assert.ok(receiver.requests.length > 0))
  await deletePod(shop, 'writer')
  const log = shop.printed('writer', sidecar)
  assert.match(log, /"remaining":100,.*"msg":"Ended before/)
})

test('with a queue on a claim what the grace did not suffice for is sent by the next pod of that name', async (t) => {
  const receiver = await startTestReceiver(t, { behaviour: () => 503 })
  const shop = await startShop(t, [
    linkTo(receiver.port, { queue: { type: 'Disk', volume: 'spool' } }),
    programMap('writer', writer),
    workload(
      'StatefulSet',
      { ...work({ HOW: 'http', WAIT: 'yes' }), more: short },
      { volumeClaimTemplates: [{ metadata: { name: 'spool' } }] },
    ),
  ])
  await eventually('events are tried', () => assert.ok(receiver.requests.length > 0))
  await deletePod(shop, 'writer-0')
  // All of it is the first pod's: its 99 lines, and the one that it wrote at its end.
  receiver.behave(() => 200)
  await eventually('all arrives', () => {
    assert.deepEqual([...new Set(receiver.accepted)].toSorted(), all.toSorted())
  })
})
