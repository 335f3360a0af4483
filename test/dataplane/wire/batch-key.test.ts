import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { formatBatchKey, parseBatchKey } from '../../../src/dataplane/wire/batch-key.ts'

describe('batch key', () => {
  it('is read as it was written', () => {
    const key = { senderId: 'web-5d.4_X', first: 0, last: 999 }
    assert.equal(formatBatchKey(key), 'web-5d.4_X:0-999')
    assert.deepEqual(parseBatchKey(formatBatchKey(key)), key)
  })

  for (const text of [
    '',
    'a',
    'a:1',
    'a:2-1',
    ':1-2',
    'a b:1-2',
    'a:1-2 ',
    'a:-1-2',
    `a:1-${'9'.repeat(16)}`,
  ]) {
    it(`refuses ${JSON.stringify(text)}`, () => {
      assert.equal(parseBatchKey(text), undefined)
    })
  }
})
