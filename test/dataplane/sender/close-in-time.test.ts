import assert from 'node:assert/strict'
import test from 'node:test'
import { closeInTime, closeLimit } from '../../../src/dataplane/sender/close-in-time.ts'
import { capturedLog } from '../../support/log.ts'
import { manualTime, settled } from '../../support/manual-time.ts'

test('closing that hangs is given up at its limit, and the log says so', async () => {
  const { log, lines } = capturedLog()
  const time = manualTime()
  let isOver = false
  const closing = closeInTime(() => new Promise(() => undefined), { time, log }).then(() => {
    isOver = true
  })
  await time.advance(closeLimit - 1)
  assert.equal(isOver, false)
  await time.advance(1)
  await closing
  assert.deepEqual(
    lines.map(({ level, limitMs }) => ({ level, limitMs })),
    [{ level: 'error', limitMs: closeLimit }],
  )
})

test('closing that ends in time says nothing, and its failure is passed on', async () => {
  const { log, lines } = capturedLog()
  const time = manualTime()
  await closeInTime(() => Promise.resolve(), { time, log })
  await assert.rejects(
    closeInTime(() => Promise.reject(new Error('no')), { time, log }),
    { message: 'no' },
  )
  await time.advance(2 * closeLimit)
  await settled()
  assert.deepEqual(lines, [])
})
