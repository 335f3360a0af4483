import assert from 'node:assert/strict'
import { createServer, type Socket } from 'node:net'
import { once } from 'node:events'
import test, { after, before } from 'node:test'
import { eventually } from '../support/eventually.ts'
import { bundleIn, entryIn } from '../../src/webhook/entry.ts'
import type { KubeObject } from '../../src/api/objects.ts'
import { sharedTestCluster, type TestCluster } from './support/test-cluster.ts'
import {
  createPod,
  openWebhook,
  podTemplate,
  secretName,
  sidecarsOf,
  type WebhookWorld,
} from './support/webhook-world.ts'

let cluster: TestCluster
before(async () => {
  cluster = await sharedTestCluster()
})
after(() => cluster.stop())

/** Pods are created all the time; ends with the number of those that came out without a sidecar, and of all. */
function creatingPods(namespace: string) {
  const ended = new AbortController()
  const count = { all: 0, bare: 0 }
  const worker = async () => {
    while (!ended.signal.aborted) {
      const pod = await createPod(cluster, namespace, podTemplate(), { dryRun: true })
      count.all += 1
      if (sidecarsOf(pod).length === 0) count.bare += 1
    }
  }
  const workers = [worker(), worker()]
  return async () => {
    ended.abort()
    await Promise.all(workers)
    return count
  }
}

/** What `cmctl renew` does. */
async function renew(namespace: string, name: string): Promise<void> {
  const path = `/apis/cert-manager.io/v1/namespaces/${namespace}/certificates/${name}`
  const certificate = await cluster.api.object<KubeObject & { status: { conditions: object[] } }>(
    'GET',
    path,
  )
  const issuing = {
    type: 'Issuing',
    status: 'True',
    reason: 'ManuallyTriggered',
    message: 'A test wants it',
    lastTransitionTime: new Date().toISOString().replace(/\.\d+Z$/, 'Z'),
  }
  const status = { ...certificate.status, conditions: [...certificate.status.conditions, issuing] }
  await cluster.api.object('PUT', `${path}/status`, { ...certificate, status })
}

async function leafChanged(webhook: WebhookWorld, before: string | undefined): Promise<void> {
  await eventually(
    'another certificate is served',
    () => {
      webhook.identity.refresh()
      assert.notEqual(webhook.identity.current?.digest, before)
    },
    { everyMs: 200 },
  )
}

for (const issuer of ['itself', 'ca'] as const) {
  test(`no pod goes without its sidecar while a certificate signed by ${issuer} is renewed`, async (t) => {
    const webhook = await openWebhook(t, cluster, issuer)
    const namespace = await webhook.covered()
    const first = webhook.identity.current?.digest
    const stop = creatingPods(namespace)
    await renew(webhook.namespace, 'webhook')
    await leafChanged(webhook, first)
    const second = webhook.identity.current?.digest
    await cluster.kubectl(['-n', webhook.namespace, 'delete', 'secret', secretName])
    await leafChanged(webhook, second)
    const { all, bare } = await stop()
    assert.ok(all > 20, `${all} pods`)
    assert.equal(bare, 0, `${bare} of ${all} pods have no sidecar`)
    assert.equal(webhook.keeper.problem(namespace), undefined)
  })
}

test('no pod goes without its sidecar while the CA changes, and caBundle holds both', async (t) => {
  const webhook = await openWebhook(t, cluster, 'ca')
  const namespace = await webhook.covered()
  const first = webhook.identity.current
  const stop = creatingPods(namespace)
  await renew(webhook.namespace, 'ca')
  await eventually('there is another CA', async () => {
    const path = `/api/v1/namespaces/${webhook.namespace}/secrets/ca`
    const { data } = await cluster.api.object<KubeObject & { data: Record<string, string> }>(
      'GET',
      path,
    )
    const pem = Buffer.from(data['tls.crt'] ?? '', 'base64').toString()
    assert.notEqual(pem.trim(), first?.authority.toString().trim())
  })
  await renew(webhook.namespace, 'webhook')
  await leafChanged(webhook, first?.digest)
  const { all, bare } = await stop()
  assert.equal(bare, 0, `${bare} of ${all} pods have no sidecar`)
  const bundle = bundleIn(await configurationOf(webhook))
  assert.equal(bundle.match(/BEGIN CERTIFICATE/g)?.length, 2)
})

function configurationOf({ configuration }: WebhookWorld): Promise<KubeObject> {
  return cluster.api.object(
    'GET',
    `/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/${configuration}`,
  )
}

const edits: [string, object[]][] = [
  ['caBundle', [{ op: 'remove', path: '/webhooks/0/clientConfig/caBundle' }]],
  ['its policy', [{ op: 'replace', path: '/webhooks/0/failurePolicy', value: 'Fail' }]],
  ['its namespaces', [{ op: 'replace', path: '/webhooks/0/namespaceSelector', value: {} }]],
  ['the entry', [{ op: 'remove', path: '/webhooks/0' }]],
]
for (const [what, patch] of edits) {
  test(`${what}, changed by hand, is mended`, async (t) => {
    const webhook = await openWebhook(t, cluster)
    const namespace = await webhook.covered()
    const good = entryIn(await configurationOf(webhook))
    const path = `/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/${webhook.configuration}`
    await cluster.api.object('PATCH', path, patch, 'application/json-patch+json')
    await eventually('it is as before', async () =>
      assert.deepEqual(entryIn(await configurationOf(webhook)), good),
    )
    await eventually('the namespace is covered', () =>
      assert.equal(webhook.keeper.problem(namespace), undefined),
    )
    assert.equal(sidecarsOf(await createPod(cluster, namespace)).length, 1)
  })
}

test('an entry of someone else in the same configuration stays', async (t) => {
  const webhook = await openWebhook(t, cluster)
  await webhook.covered()
  const entry = entryIn(await configurationOf(webhook))
  const path = `/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/${webhook.configuration}`
  const foreign = { ...entry, name: 'foreign.example.org', failurePolicy: 'Ignore' }
  const add = [{ op: 'add', path: '/webhooks/-', value: foreign }]
  await cluster.api.object('PATCH', path, add, 'application/json-patch+json')
  await webhook.covered()
  const { webhooks } = (await configurationOf(webhook)) as KubeObject & {
    webhooks: { name: string }[]
  }
  assert.deepEqual(webhooks.map(({ name }) => name).toSorted(), [
    'foreign.example.org',
    'inject.logstashlink.io',
  ])
})

test('a configuration that was deleted is not made by us, and is written when it is back', async (t) => {
  const webhook = await openWebhook(t, cluster)
  const namespace = await webhook.covered()
  const path = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations'
  await cluster.api.object('DELETE', `${path}/${webhook.configuration}`)
  await eventually('it is missed', () =>
    assert.match(webhook.keeper.problem(namespace) ?? '', /is not there.*helm upgrade/),
  )
  await cluster.api.object('POST', path, {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    metadata: { name: webhook.configuration },
  })
  await eventually('the namespace is covered again', () =>
    assert.equal(webhook.keeper.problem(namespace), undefined),
  )
  assert.equal(sidecarsOf(await createPod(cluster, namespace)).length, 1)
})

test('a webhook that is down, or hangs, lets pods pass without a sidecar within its 5 s', async (t) => {
  const webhook = await openWebhook(t, cluster)
  const namespace = await webhook.covered()
  await webhook.closeServer()
  assert.deepEqual(sidecarsOf(await createPod(cluster, namespace)), [])

  const sockets = new Set<Socket>()
  const silent = createServer((socket) => sockets.add(socket))
  silent.listen(webhook.port, '127.0.0.1')
  await once(silent, 'listening')
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    silent.close()
  })
  const began = Date.now()
  assert.deepEqual(sidecarsOf(await createPod(cluster, namespace)), [])
  const took = Date.now() - began
  assert.ok(sockets.size > 0)
  assert.ok(took < 8000, `${took} ms`)
})

// The target is 50 ms; the creators run in this very process, and the cluster on the same two cores.
test('99 of 100 answers take less than 100 ms while twenty pods are created at a time', async (t) => {
  const webhook = await openWebhook(t, cluster)
  const namespace = await webhook.covered()
  const worker = async () => {
    for (let index = 0; index < 25; index += 1) {
      await createPod(cluster, namespace, podTemplate(), { dryRun: true })
    }
  }
  await Promise.all(Array.from({ length: 20 }, worker))
  const name = 'logstash_link_webhook_request_duration_seconds'
  const metric = await webhook.registry.getSingleMetric(name)?.get()
  const values = (metric?.values ?? []) as {
    metricName: string
    value: number
    labels: { le?: number | string }
  }[]
  const below = (limit: number) =>
    values.find(({ metricName, labels }) => metricName === `${name}_bucket` && labels.le === limit)
      ?.value ?? 0
  const all = values.find(({ metricName }) => metricName === `${name}_count`)?.value ?? 0
  const shares = [0.0025, 0.005, 0.01, 0.025, 0.05, 0.1].map(
    (limit) => `${limit * 1000} ms: ${((100 * below(limit)) / all).toFixed(1)} %`,
  )
  t.diagnostic(`of ${all} answers within ${shares.join(', ')}`)
  assert.ok(all >= 500)
  assert.ok(below(0.1) >= 0.99 * all, shares.join(', '))
})
