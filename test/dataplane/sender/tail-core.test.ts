import assert from 'node:assert/strict'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import * as fc from 'fast-check'
import test from 'node:test'
import { compressionOf } from '../../../src/dataplane/sender/collect/files/compressed.ts'
import {
  fingerprintBytes,
  fingerprintOf,
  grownFingerprint,
  noFingerprint,
} from '../../../src/dataplane/sender/collect/files/fingerprint.ts'
import { parseGlob, type Step } from '../../../src/dataplane/sender/collect/files/glob.ts'
import { createProgress } from '../../../src/dataplane/sender/collect/files/progress.ts'
import {
  beginningOf,
  copyLimits,
  isItsOwn,
  proofOfCopy,
} from '../../../src/dataplane/sender/collect/files/rotation.ts'
import { createTurns } from '../../../src/dataplane/sender/collect/files/turns.ts'

const globs = [
  { glob: '/*.log', takes: ['a.log', '.log.log'.slice(1)], refuses: ['.log', 'a.log.1', '.a.log'] },
  { glob: '/app.log*', takes: ['app.log', 'app.log.1'], refuses: ['app_log', 'xapp.log'] },
  { glob: '/a?[0-9].{log,txt}', takes: ['ab1.log', 'ac2.txt'], refuses: ['a1.log', 'ab1.csv'] },
  { glob: '/[!a]*', takes: ['b', 'b.log'], refuses: ['a', 'ab'] },
  { glob: '/.*', takes: ['.hidden'], refuses: ['shown'] },
  { glob: '/a{b*,c[de]}', takes: ['ab', 'abx', 'ace'], refuses: ['ac', 'a'] },
  { glob: '/*a+b(c)$*', takes: ['a+b(c)$', 'xa+b(c)$y'], refuses: ['aab(c)$'] },
  { glob: '/[z-a]*', takes: ['[z-a]'], refuses: ['z', 'a'] },
  { glob: '/{a,b*', takes: ['{a,b', '{a,bc'], refuses: ['a', 'b'] },
] as const

for (const { glob, takes, refuses } of globs) {
  test(`the glob ${glob} takes ${takes.join(' ')} and refuses ${refuses.join(' ')}`, () => {
    const step = lastOf(parseGlob(glob))
    for (const name of takes) assert.ok(step(name), name)
    for (const name of refuses) assert.ok(!step(name), name)
  })
}

test('any name without wildcards is a glob for itself alone, and any text is some glob', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), (text) => {
      const name = text.replaceAll('/', '')
      if (name === '') return
      const step = lastOf(parseGlob(`/${name}`))
      if (!/[*?[{]/.test(name)) assert.ok(step(name))
      assert.equal(typeof step('x'), 'boolean')
    }),
  )
})

test('a file is committed up to the first piece that is not safe, in whatever order pieces become safe', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 200 }),
      fc.infiniteStream(fc.nat()),
      (lengths, choices) => {
        const progress = createProgress()
        let end = 0
        const waiting = lengths.map((length) => {
          end += length
          return progress.give({ offset: end, tail: noFingerprint })
        })
        const all = [...waiting]
        for (const choice of choices) {
          const [piece] = waiting.splice(choice % Math.max(1, waiting.length), 1)
          if (!piece) break
          const before = progress.committed.offset
          const moved = progress.settle(piece, 'done')
          const expected = all[all.findIndex(({ safe }) => !safe) - 1]?.end.offset ?? 0
          const isAll = all.every(({ safe }) => safe)
          assert.equal(progress.committed.offset, isAll ? end : expected)
          assert.equal(moved, progress.committed.offset !== before)
        }
        assert.equal(progress.pending, 0)
        assert.equal(progress.given.offset, end)
      },
    ),
  )
})

test('what the queue dropped is read again from the last safe place, and late answers for it change nothing', () => {
  const progress = createProgress()
  const pieces = [1, 2, 3].map((offset) => progress.give({ offset, tail: noFingerprint }))
  const [one, two, three] = pieces
  assert.ok(one && two && three)
  progress.settle(one, 'done')
  assert.equal(progress.settle(two, 'dropped'), false)
  assert.equal(progress.isTorn, true)
  progress.restart()
  assert.deepEqual([progress.given.offset, progress.pending, progress.isTorn], [1, 0, false])
  progress.settle(three, 'done')
  progress.settle(two, 'dropped')
  assert.deepEqual([progress.committed.offset, progress.isTorn], [1, false])
})

test('each file has its turn in a round, however often others ask', () => {
  const turns = createTurns()
  for (const key of ['a', 'b', 'c']) turns.ask(key, 0)
  const order: (string | undefined)[] = []
  for (let i = 0; i < 6; i += 1) {
    const key = turns.next(0)
    order.push(key)
    // One that always has more asks at once, and twice.
    for (let again = 0; again < 2; again += 1) turns.ask(key ?? '', 0)
  }
  assert.deepEqual(order, ['a', 'b', 'c', 'a', 'b', 'c'])
})

test('a turn comes at its time, and the earlier of two wishes stands', () => {
  const turns = createTurns()
  turns.ask('a', 50)
  turns.ask('a', 20)
  turns.ask('a', 90)
  assert.deepEqual([turns.nextAt(), turns.next(19), turns.next(20)], [20, undefined, 'a'])
  assert.equal(turns.nextAt(), Number.POSITIVE_INFINITY)
  turns.ask('a', 0)
  turns.drop('a')
  assert.equal(turns.next(100), undefined)
})

test('a fingerprint grows with its file to 1024 bytes, and knows another beginning at any length', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 1, maxLength: 1500 }),
      fc.nat(),
      fc.nat(),
      (bytes, cut, flip) => {
        const all = Buffer.from(bytes)
        const known = fingerprintOf(all.subarray(0, Math.min(fingerprintBytes, cut % all.length)))
        const head = Buffer.from(all.subarray(0, fingerprintBytes))
        assert.deepEqual(grownFingerprint(known, head), fingerprintOf(head))
        if (known.length === 0) return
        const at = flip % known.length
        head[at] = (head[at] ?? 0) ^ 1
        assert.equal(grownFingerprint(known, head), undefined)
        assert.equal(grownFingerprint(known, head.subarray(0, known.length - 1)), undefined)
      },
    ),
  )
})

const head = Buffer.alloc(fingerprintBytes, 'a line of some log\n')
const tail = fingerprintOf(Buffer.from('the last line\n'))
const former = {
  path: '/logs/app.log',
  fingerprint: fingerprintOf(head),
  given: { offset: 5000, tail },
  isLeftOver: false,
}
const copy = { path: '/logs/app.log.1', size: 6000, beginning: beginningOf(head) }
const look = { start: 5000 - tail.length, length: tail.length, tail }
const short = fingerprintOf(head.subarray(0, 100))

const proofs = [
  ['a copy is proven by what stands before the place that was reached', {}, {}, look],
  ['lines after the copy was made: it is wholly read', { size: 4000 }, {}, undefined],
  ['another beginning', { beginning: beginningOf(Buffer.from('other')) }, {}, 'other'],
  ['the successor at the same path', { path: former.path }, {}, 'other'],
  ['a file on a changed device, at its path', { path: former.path }, { isLeftOver: true }, look],
  ['a few bytes, over a restart', {}, { isLeftOver: true, fingerprint: short }, 'other'],
  ['a shorter file, over a restart', { size: 4000 }, { isLeftOver: true }, 'other'],
] as const

for (const [what, candidate, changes, expected] of proofs) {
  test(`is it a copy? ${what}: ${typeof expected === 'object' ? 'to be looked at' : expected}`, () => {
    assert.deepEqual(proofOfCopy({ ...copy, ...candidate }, { ...former, ...changes }), expected)
  })
}

test('a file that looks like a copy waits 5 s from its last growth, 60 s in all', () => {
  const { quiet, total } = copyLimits
  const rests = { since: 0, grewAt: 0 }
  const grows = { since: 0, grewAt: total - 1 }
  assert.deepEqual([isItsOwn(rests, quiet - 1), isItsOwn(rests, quiet)], [false, true])
  assert.deepEqual([isItsOwn(grows, total - 1), isItsOwn(grows, total)], [false, true])
})

test('compressed files are told by their first bytes, text is not', () => {
  assert.equal(compressionOf(gzipSync('x')), 'gzip')
  assert.equal(compressionOf(zstdCompressSync('x')), 'zstd')
  assert.equal(compressionOf(Buffer.from('BZh91AY')), 'bzip2')
  assert.equal(compressionOf(Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0])), 'xz')
  for (const text of ['', 'B', '{"a":1}', 'BZ hello']) {
    assert.equal(compressionOf(Buffer.from(text)), undefined)
  }
})

function lastOf(steps: Step[]): (name: string) => boolean {
  const step = steps.at(-1)
  assert.ok(step)
  return 'name' in step ? (name) => name === step.name : step.matches
}
