import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parse } from 'yaml'
import { show } from '../../src/api/show.ts'
import { parseLink } from '../../src/api/validate.ts'

describe('a value in a message', () => {
  for (const [what, value, text] of [
    ['text is quoted', 'a"b', '"a\\"b"'],
    ['nothing is called so', undefined, 'nothing'],
    ['null is JSON', null, 'null'],
    ['an object is JSON', { a: [1] }, '{"a":[1]}'],
    ['a bigint is shown', 1n, '1n'],
    ['a symbol is shown', Symbol('a'), 'Symbol(a)'],
    ['long text is cut', 'a'.repeat(200), `"${'a'.repeat(116)}...`],
  ] as const)
    it(what, () => assert.equal(show(value), text))

  it('may contain itself, as YAML can make it', () => {
    const link: unknown = parse('{kind: &a [*a], spec: &b {spec: *b, tls: *b}}')
    const paths = (parseLink(link).problems ?? []).map(({ path }) => path)
    assert.ok(paths.includes('kind') && paths.includes('spec.tls.tls'), String(paths))
  })
})
