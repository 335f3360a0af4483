import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createVouching } from '../../src/dataplane/vouching.ts'

/** What happens at each second: `taken`, or a batch of so many events that was refused as a whole. */
type Step = 'taken' | 'nothing' | number

function verdicts(steps: readonly Step[], { sentBefore = 0 } = {}): boolean[] {
  const vouching = createVouching()
  return steps.flatMap((step, second) => {
    const now = second * 1000
    if (step === 'nothing') return []
    if (step !== 'taken') return [vouching.vouchesFor(step, { sentAt: now - sentBefore, now })]
    vouching.took(now)
    return []
  })
}

const minute = Array.from({ length: 60 }, () => 'nothing' as const)

describe('others that were taken vouch for a refuser', () => {
  const cases: [title: string, steps: Step[], verdicts: boolean[]][] = [
    ['not where there are none', [1, 5, 1], [false, false, false]],
    ['for one event, and not for the next', ['taken', 1, 1, 1], [true, false, false]],
    ['for each single event between others', ['taken', 1, 'taken', 1], [true, true]],
    ['not for several, which may be all from now on', ['taken', 5, 5, 5], [false, false, false]],
    ['for several that came again after them', [5, 'taken', 5], [false, true]],
    ['for several once', [5, 'taken', 5, 5], [false, true, false]],
    ['for a minute', ['taken', ...minute.slice(1), 1], [true]],
    ['no longer than a minute', ['taken', ...minute, 1], [false]],
    ['not by a doubt of more than a minute ago', [5, ...minute, 'taken', 5], [false, false]],
  ]
  for (const [title, steps, expected] of cases) {
    it(title, () => assert.deepEqual(verdicts(steps), expected))
  }

  it('not when they were taken after it was sent: it may no longer refuse', () => {
    assert.deepEqual(verdicts(['nothing', 'taken', 1], { sentBefore: 1500 }), [false])
    assert.deepEqual(verdicts(['nothing', 5, 'taken', 5], { sentBefore: 1500 }), [false, false])
    assert.deepEqual(verdicts(['taken', 'taken', 1], { sentBefore: 1500 }), [true])
  })
})
