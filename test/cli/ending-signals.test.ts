import assert from 'node:assert/strict'
import test from 'node:test'
import { endingSignals } from '../../src/cli/ending-signals.ts'

test('one Ctrl-C that arrives twice, by the terminal and by the launcher, is one; a later one is the second', async () => {
  let now = 1000
  const signals = endingSignals(() => now)
  // In place of the end of this process.
  signals.onSecond(() => {
    throw new Error('ends hard')
  })
  try {
    process.emit('SIGTERM', 'SIGTERM')
    assert.equal(await signals.first, 'SIGTERM')
    now += 50
    process.emit('SIGTERM', 'SIGTERM')
    now += 1000
    assert.throws(() => process.emit('SIGTERM', 'SIGTERM'), /ends hard/)
  } finally {
    signals.forget()
  }
})
