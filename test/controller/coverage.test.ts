import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import test from 'node:test'
import type { LogstashLink } from '../../src/api/link.ts'
import { realClock } from '../../src/controller/clock.ts'
import { createController } from '../../src/controller/controller.ts'
import { createInMemoryCluster } from '../../src/local/cluster/in-memory-cluster.ts'
import { createMetrics } from '../../src/telemetry/metrics.ts'
import { eventually } from '../support/eventually.ts'
import { linkOf, operatorOptions } from '../support/links.ts'
import { silentLog } from '../support/log.ts'

test('a link is accepted once the webhook covers its namespace, and no more when it does not', async (t) => {
  const cluster = createInMemoryCluster({ now: () => new Date() })
  let covered = false
  let tell: (() => void) | undefined
  const controller = createController({
    cluster,
    clock: realClock,
    log: silentLog(),
    registry: createMetrics({ program: 'test' }),
    options: operatorOptions,
    random: randomBytes,
    ask: () => Promise.resolve({}),
    webhook: {
      covers: () => covered,
      problem: (namespace) => `Nothing is served yet for ${namespace}.`,
      onChange(listener) {
        tell = listener
        return () => undefined
      },
    },
  })
  t.after(() => controller.stop())
  await cluster.as('kubectl').create(linkOf())
  await controller.start()
  const accepted = async () => {
    const { apiVersion, kind } = linkOf()
    const key = { apiVersion, kind, namespace: 'shop', name: 'orders' }
    const link = await cluster.get<LogstashLink>(key)
    return link?.status?.conditions?.find(({ type }) => type === 'Accepted')
  }
  const until = (reason: string) =>
    eventually(`Accepted is ${reason}`, async () =>
      assert.equal((await accepted())?.reason, reason),
    )
  await until('WebhookNotReady')
  assert.equal((await accepted())?.message, 'Nothing is served yet for shop.')
  const configMap = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    namespace: 'shop',
    name: 'orders-sender',
  }
  assert.ok(await cluster.get(configMap), 'all else is made meanwhile')
  covered = true
  tell?.()
  await until('Accepted')
  covered = false
  tell?.()
  await until('WebhookNotReady')
})
