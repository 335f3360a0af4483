import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import type { LogstashLink } from '../../src/api/link.ts'
import { createInMemoryCluster } from '../../src/local/cluster/in-memory-cluster.ts'
import { createLinkIndex } from '../../src/webhook/link-index.ts'
import { linkOf } from '../support/links.ts'

async function openIndex(t: TestContext) {
  const cluster = createInMemoryCluster({ now: () => new Date() })
  const index = createLinkIndex(cluster)
  t.after(() => index.stop())
  await index.synced
  let changes = 0
  index.onChange(() => (changes += 1))
  const apply = async (namespace: string, name: string, spec: Record<string, unknown> = {}) => {
    const link = linkOf(spec, { namespace, name })
    const made = await cluster.apply<LogstashLink>({ ...link, metadata: { namespace, name } })
    await cluster.settled()
    return made
  }
  return { cluster, index, apply, changes: () => changes }
}

test('links are found by their namespace, and namespaces come and go with them', async (t) => {
  const { cluster, index, apply } = await openIndex(t)
  await apply('shop', 'orders')
  await apply('shop', 'audit')
  const other = await apply('bank', 'orders')
  assert.deepEqual(index.namespaces(), ['bank', 'shop'])
  assert.deepEqual(
    index.inNamespace('shop').map(({ metadata }) => metadata.name),
    ['orders', 'audit'],
  )
  await cluster.delete({ ...other, namespace: 'bank', name: 'orders' })
  await cluster.settled()
  assert.deepEqual(index.namespaces(), ['shop'])
  assert.deepEqual(index.inNamespace('bank'), [])
})

test('a change of spec is told and seen, a change of status is neither', async (t) => {
  const { cluster, index, apply, changes } = await openIndex(t)
  const link = await apply('shop', 'orders')
  assert.equal(changes(), 1)
  await cluster.applyStatus({ ...link, status: { hostCount: 1 } })
  await cluster.settled()
  assert.equal(changes(), 1)
  await apply('shop', 'orders', { sender: { ...linkOf().spec.sender, decorate: 'Kubernetes' } })
  assert.equal(changes(), 2)
  assert.equal(index.inNamespace('shop')[0]?.spec.sender?.decorate, 'Kubernetes')
})

test('a link that no rule would pass now is left out, and the others stay', async (t) => {
  const { cluster, index, apply } = await openIndex(t)
  await apply('shop', 'orders')
  const { apiVersion, kind } = linkOf()
  await cluster.create({ apiVersion, kind, metadata: { namespace: 'shop', name: 'old' }, spec: {} })
  await cluster.settled()
  assert.deepEqual(
    index.inNamespace('shop').map(({ metadata }) => metadata.name),
    ['orders'],
  )
})

test('a link that was made anew under its name is the new one', async (t) => {
  const { cluster, index, apply } = await openIndex(t)
  const first = await apply('shop', 'orders')
  await cluster.delete({ ...first, namespace: 'shop', name: 'orders' })
  const second = await apply('shop', 'orders')
  assert.equal(index.inNamespace('shop')[0]?.metadata.uid, second.metadata.uid)
})
