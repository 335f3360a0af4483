import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import { createDuplicates, type Mark } from '../../../src/dataplane/receiver/duplicates.ts'

/** The limits as the module names them. */
const maxSenders = 1000
const maxRanges = 2000

const mark = (senderId: string, first: number, last = first): Mark => ({
  key: { senderId, first, last },
})

describe('what is remembered of delivered batches', () => {
  it('reaches over 1,000 senders, and forgets the one that was longest silent', () => {
    const duplicates = createDuplicates<string>()
    for (let i = 0; i < maxSenders; i += 1) duplicates.remember(mark(`s${i}`, 1))
    for (let i = 0; i < maxSenders; i += 1) assert.ok(duplicates.delivered(mark(`s${i}`, 1)))
    duplicates.remember(mark('s0', 2))
    duplicates.remember(mark('new', 1))
    assert.ok(!duplicates.delivered(mark('s1', 1)), 'the longest silent one')
    for (const known of ['s0', 's2', `s${maxSenders - 1}`, 'new']) {
      assert.ok(duplicates.delivered(mark(known, 1)), known)
    }
  })

  it('reaches over 2,000 ranges of a sender, and forgets the lowest one', () => {
    const duplicates = createDuplicates<string>()
    // Every other number went to another receiver.
    for (let i = 0; i < maxRanges; i += 1) duplicates.remember(mark('s', 2 * i))
    for (let i = 0; i < maxRanges; i += 1) assert.ok(duplicates.delivered(mark('s', 2 * i)))
    duplicates.remember(mark('s', 2 * maxRanges))
    assert.ok(!duplicates.delivered(mark('s', 0)))
    for (let i = 1; i <= maxRanges; i += 1) assert.ok(duplicates.delivered(mark('s', 2 * i)))
  })

  it('costs one range for what is delivered without gaps, in whatever order', () => {
    const duplicates = createDuplicates<string>()
    const batches = Array.from({ length: 3 * maxRanges }, (_, i) => mark('s', 10 * i, 10 * i + 9))
    for (let i = 0; i < batches.length; i += 2) {
      // Pairs in reverse.
      for (const each of [batches[i + 1], batches[i]]) if (each) duplicates.remember(each)
    }
    assert.ok(duplicates.delivered(mark('s', 0, 30 * maxRanges - 1)))
  })

  it('says of every range what a set of numbers says', () => {
    const ranges = fc.array(fc.tuple(fc.nat(60), fc.nat(8)), { maxLength: 40 })
    fc.assert(
      fc.property(ranges, ranges, (delivered, asked) => {
        const duplicates = createDuplicates<string>()
        const numbers = new Set<number>()
        for (const [first, more] of delivered) {
          duplicates.remember(mark('s', first, first + more))
          for (let i = first; i <= first + more; i += 1) numbers.add(i)
        }
        for (const [first, more] of asked) {
          const all = Array.from({ length: more + 1 }, (_, i) => numbers.has(first + i))
          assert.equal(
            duplicates.delivered(mark('s', first, first + more)),
            all.every((each) => each),
          )
        }
      }),
    )
  })
})
