import assert from 'node:assert/strict'
import test from 'node:test'
import { runFaults } from './fault-run.ts'

test('every event arrives while one receiver is killed, one hangs and one gets a new certificate', async () => {
  const result = await runFaults({ events: 100_000, rate: 15_000, hangMs: 4000 })
  assert.equal(result.missing, 0)
  assert.equal(result.exitCode, 0)
  assert.ok(result.rotated, 'the new certificate is served')
  assert.ok(result.longestStop < 2000, `delivery stopped for ${result.longestStop} ms`)
  assert.ok(
    result.shares.every((share) => share > 0),
    `every receiver takes part: ${result.shares.join(', ')}`,
  )
})
