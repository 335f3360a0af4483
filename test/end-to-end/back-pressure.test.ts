import assert from 'node:assert/strict'
import test from 'node:test'
import { growthOf, runPressure } from '../support/pressure-run.ts'

test('ten times what the application takes is held back at its source, in flat memory, and nothing is lost', async (t) => {
  const result = await runPressure({ seconds: 10, rate: 4000, queueSize: '4Mi' })
  t.diagnostic(JSON.stringify(result))
  assert.ok(result.receiver429 > 0, 'the receiver told its sender to wait')
  assert.ok(result.acknowledged < result.offered / 4, 'collect.http let its application wait')
  assert.ok(result.pausedSeconds > 1, 'collect.tcp paused its application')
  assert.ok(result.acknowledged + result.streamed < result.offered / 2, 'most was held back')
  assert.equal(result.missing, 0)
  for (const who of ['sender', 'receiver'] as const) {
    const growth = growthOf(result.tenths.map((tenth) => tenth[who]))
    assert.ok(growth < 1.5, `memory of the ${who} grew by ${growth}`)
  }
})
