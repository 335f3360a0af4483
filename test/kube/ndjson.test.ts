import assert from 'node:assert/strict'
import test from 'node:test'
import * as fc from 'fast-check'
import { createLineDecoder } from '../../src/kube/ndjson.ts'

test('values come out whole however the bytes are cut, within characters too', () => {
  fc.assert(
    fc.property(
      fc.array(fc.jsonValue({ stringUnit: 'binary' })),
      fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }),
      (values, sizes) => {
        const bytes = Buffer.from(values.map((value) => `${JSON.stringify(value)}\n`).join(''))
        const decoder = createLineDecoder()
        const found: unknown[] = []
        for (let at = 0, turn = 0; at < bytes.length; turn++) {
          const end = at + (sizes[turn % sizes.length] ?? 1)
          found.push(...decoder.take(bytes.subarray(at, end)))
          at = end
        }
        assert.deepEqual(found, JSON.parse(JSON.stringify(values)))
      },
    ),
  )
})

test('a line of some MiB comes out whole, and quickly', () => {
  const value = { data: 'é'.repeat(4 * 1024 * 1024) }
  const bytes = Buffer.from(`${JSON.stringify(value)}\n`)
  const decoder = createLineDecoder()
  const found: unknown[] = []
  for (let at = 0; at < bytes.length; at += 1000) {
    found.push(...decoder.take(bytes.subarray(at, at + 1000)))
  }
  assert.deepEqual(found, [value])
})

test('a line without an end is refused', () => {
  const decoder = createLineDecoder()
  const chunk = Buffer.alloc(8 * 1024 * 1024, 'x')
  assert.throws(() => {
    for (let index = 0; index < 10; index++) decoder.take(chunk)
  }, SyntaxError)
})
