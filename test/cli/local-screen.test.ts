import assert from 'node:assert/strict'
import test from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { apiVersion, kind } from '../../src/api/names.ts'
import type { LogstashLink } from '../../src/api/link.ts'
import { conditionLines, tellChanges, tellReadiness } from '../../src/cli/local-screen.ts'
import { createInMemoryCluster } from '../../src/local/cluster/in-memory-cluster.ts'
import { fakeClock } from '../support/fake-clock.ts'

async function stage(tellOf: typeof tellChanges) {
  const clock = fakeClock()
  const cluster = createInMemoryCluster({ now: () => new Date(clock.now()) })
  const metadata = { namespace: 'shop', name: 'orders' }
  await cluster.create({ apiVersion, kind, metadata, spec: {} })
  const lines: string[] = []
  const told = tellOf({ cluster, clock, tell: (line) => lines.push(line) })
  return {
    lines,
    clock,
    told,
    /** Conditions as type, status, reason; and hosts. */
    status: async (conditions: [string, string, string][], hosts: string[] = []) => {
      await cluster.applyStatus({
        apiVersion,
        kind,
        metadata,
        status: {
          conditions: conditions.map(([type, status, reason]) => ({
            type,
            status,
            reason,
            message: `It is ${reason}.`,
            lastTransitionTime: '2026-11-22T10:00:00Z',
          })),
          hosts,
        },
      })
      // Watch events come a turn later.
      for (let turn = 0; turn < 3; turn += 1) await setImmediate()
    },
  }
}

test('what changes several times within a moment is told once, as it is then', async () => {
  const { lines, clock, status } = await stage(tellChanges)
  await status([
    ['Ready', 'False', 'NotReady'],
    ['Accepted', 'True', 'Accepted'],
  ])
  clock.advance(100)
  await status([
    ['Ready', 'True', 'Ready'],
    ['Accepted', 'True', 'Accepted'],
  ])
  assert.deepEqual(lines, [])
  clock.advance(200)
  const told = [
    'link shop/orders  Ready=True Ready: It is Ready.',
    'link shop/orders  Accepted=True Accepted: It is Accepted.',
  ]
  assert.deepEqual(lines, told)
  await status([
    ['Ready', 'False', 'NotReady'],
    ['Accepted', 'True', 'Accepted'],
  ])
  await status([
    ['Ready', 'True', 'Ready'],
    ['Accepted', 'True', 'Accepted'],
  ])
  clock.advance(300)
  assert.deepEqual(lines, told, 'what is again as it was told is not told')
})

test('the end tells what still waits', async () => {
  const { lines, told, status } = await stage(tellChanges)
  await status([['Ready', 'True', 'Ready']], ['10.1.0.12:9800'])
  told.stop()
  assert.deepEqual(lines, [
    'link shop/orders  Ready=True Ready: It is Ready.',
    'link shop/orders  hosts: 10.1.0.12:9800',
  ])
})

test('readiness is one line a change, with its cause, and the hosts', async () => {
  const { lines, clock, status } = await stage(tellReadiness)
  await status([
    ['Ready', 'False', 'NotReady'],
    ['HostsDiscovered', 'False', 'NoReadyEndpoints'],
  ])
  clock.advance(300)
  await status([['Ready', 'True', 'Ready']], ['10.1.0.12:9800'])
  clock.advance(300)
  await status([['Ready', 'True', 'Ready']])
  clock.advance(300)
  assert.deepEqual(lines, [
    'link shop/orders  Ready=False: It is NotReady.',
    'link shop/orders  Ready=True: It is Ready.',
    'link shop/orders  hosts: 10.1.0.12:9800',
    'link shop/orders  hosts: none',
  ])
})

test('the table of conditions has columns', () => {
  const at = { lastTransitionTime: '2026-11-22T10:00:00Z' }
  const conditions = [
    { type: 'Ready', status: 'False', reason: 'NotReady', message: 'Wait.', ...at },
    { type: 'TrustDistributed', status: 'Unknown', reason: 'Pending', message: 'Soon.', ...at },
  ]
  assert.deepEqual(conditionLines({ status: { conditions } } as LogstashLink), [
    '  Ready             False    NotReady  Wait.',
    '  TrustDistributed  Unknown  Pending   Soon.',
  ])
})
