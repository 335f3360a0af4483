import assert from 'node:assert/strict'
import test from 'node:test'
import type { KubeRequest } from '../../src/kube/client.ts'
import { ClusterError, type ClusterErrorReason } from '../../src/kube/cluster.ts'
import { openLease } from '../../src/kube/lease-store.ts'

const { signal } = new AbortController()
const lease = {
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  metadata: { namespace: 'system', name: 'it', resourceVersion: '7' },
}

function storeThat(fails?: ClusterErrorReason) {
  const asked: KubeRequest[] = []
  const store = openLease(
    {
      async request<T>(request: KubeRequest) {
        asked.push(request)
        if (fails !== undefined) throw new ClusterError(fails, 'refused')
        return lease as T
      },
    },
    { namespace: 'system', name: 'it' },
  )
  return { store, asked }
}

test('a Lease is read from the server itself, made by POST and replaced by PUT', async () => {
  const { store, asked } = storeThat()
  await store.read(signal)
  await store.create(lease, signal)
  await store.replace(lease, signal)
  const all = '/apis/coordination.k8s.io/v1/namespaces/system/leases'
  assert.deepEqual(asked, [
    { method: 'GET', path: `${all}/it`, signal },
    { method: 'POST', path: all, body: lease, signal },
    { method: 'PUT', path: `${all}/it`, body: lease, signal },
  ])
})

test('a Lease that is not there is no failure', async () => {
  assert.equal(await storeThat('NotFound').store.read(signal), undefined)
})

test('any other refusal is passed on', async () => {
  for (const reason of ['Forbidden', 'Unavailable', 'Conflict'] as const) {
    const { store } = storeThat(reason)
    const refused = (error: unknown) => error instanceof ClusterError && error.reason === reason
    await assert.rejects(store.read(signal), refused)
    await assert.rejects(store.replace(lease, signal), refused)
  }
})
