import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import { parseDuration } from '../../src/api/duration.ts'
import { parseQuantity, resourceAmount } from '../../src/api/quantity.ts'

describe('quantities', () => {
  for (const [text, bytes] of [
    ['64Mi', 64 * 2 ** 20],
    ['500k', 500_000],
    ['1048576', 1_048_576],
    [1_048_576, 1_048_576],
    ['1Ki', 1024],
    ['2G', 2e9],
    ['999Ti', 999 * 2 ** 40],
  ] as const)
    it(`${text} is ${bytes} bytes`, () => assert.equal(parseQuantity(text, 'f'), bytes))

  for (const text of [
    '',
    '0',
    '0Mi',
    '-1',
    '+1',
    '1.5Gi',
    '1mi',
    '64MB',
    '64 Mi',
    'Mi',
    1.5,
    -1,
    0,
  ])
    it(`${JSON.stringify(text)} is refused and the field is named`, () =>
      assert.throws(() => parseQuantity(text, '--queue-size'), {
        code: 'LSL_QUANTITY_INVALID',
        message: /`--queue-size`/,
      }))

  it('whatever is read is a safe integer above zero', () => {
    const texts = fc
      .tuple(
        fc.bigInt(0n, 10n ** 16n),
        fc.constantFrom('', 'k', 'Ki', 'M', 'Mi', 'G', 'Gi', 'T', 'Ti'),
      )
      .map(([count, unit]) => `${count}${unit}`)
    fc.assert(
      fc.property(texts, (text) => {
        let bytes = 1
        try {
          bytes = parseQuantity(text, 'f')
        } catch (error) {
          assert.match(String(error), /a quantity such as/)
        }
        assert.ok(Number.isSafeInteger(bytes) && bytes > 0)
      }),
    )
  })

  for (const [text, amount] of [
    ['50m', 0.05],
    ['.5', 0.5],
    ['1.', 1],
    [2, 2],
    ['1e3', 1000],
    ['1E', 1e18],
    ['256Mi', 256 * 2 ** 20],
    ['-1', undefined],
    ['much', undefined],
  ] as const)
    it(`as a resource ${text} is ${amount}`, () => assert.equal(resourceAmount(text), amount))
})

describe('durations', () => {
  for (const [text, ms] of [
    ['50ms', 50],
    ['60s', 60_000],
    ['1h30m', 5_400_000],
    ['2160h', 7_776_000_000],
    ['0s', 0],
    ['1m1ms', 60_001],
  ] as const)
    it(`${text} is ${ms} ms`, () => assert.equal(parseDuration(text, 'f'), ms))

  for (const text of ['', '5', '1.5h', '-1s', '1d', '1 s', '1us', '1s1s1s1s1s', '123456s'])
    it(`${JSON.stringify(text)} is refused and the field is named`, () =>
      assert.throws(() => parseDuration(text, '--max-wait'), {
        code: 'LSL_DURATION_INVALID',
        message: /`--max-wait`/,
      }))
})
