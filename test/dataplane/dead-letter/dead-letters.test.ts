import assert from 'node:assert/strict'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { openDeadLetters } from '../../../src/dataplane/dead-letter/dead-letters.ts'
import { testFolder, type TestFolder } from '../../support/certificates.ts'
import { capturedLog, silentLog } from '../../support/log.ts'

const time = new Date('2026-01-02T03:04:05.678Z')

function open(folder: TestFolder, maxSize = 1 << 20, dropped: number[] = [], log = silentLog()) {
  return openDeadLetters(
    { directory: folder.path('dead'), maxSize },
    { now: () => time, log, onDropped: (count) => void dropped.push(count) },
  )
}

const newer = 'dead/dead-letters.ndjson'
const older = 'dead/dead-letters.1.ndjson'

function read(folder: TestFolder, name = newer) {
  return readFileSync(folder.path(name), 'utf8')
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line))
}

describe('dead letters', () => {
  it('keep JSON as it came, other text as a string, other bytes in base64', async (t) => {
    const folder = testFolder(t)
    const letters = await open(folder)
    const bytes = Buffer.from('{"a":"\xff"}', 'latin1')
    await letters.keep([
      { event: Buffer.from('{"big":12345678901234567890}'), reason: 'r', host: 'h' },
      { event: Buffer.from('{broken'), reason: 'r', length: 99 },
      { event: bytes, reason: 'r' },
    ])
    await letters.close()
    assert.match(
      readFileSync(folder.path(newer), 'utf8'),
      /^\{"event":\{"big":12345678901234567890\},/,
    )
    const base = { reason: 'r', time: time.toISOString() }
    const [first, ...others] = read(folder)
    assert.equal(first.host, 'h')
    assert.deepEqual(others, [
      { event: '{broken', length: 99, ...base },
      { event: '{"a":"\ufffd"}', base64: bytes.toString('base64'), ...base },
    ])
  })

  it('lose their oldest half when the file is full: counted and logged, never over the limit', async (t) => {
    const folder = testFolder(t)
    const dropped: number[] = []
    const { log, lines } = capturedLog()
    const letters = await open(folder, 1000, dropped, log)
    for (let i = 0; i < 50; i += 1) {
      await letters.keep([{ event: Buffer.from(`{"i":${i}}`), reason: 'r' }])
      const bytes = [newer, older]
        .filter((name) => existsSync(folder.path(name)))
        .reduce((sum, name) => sum + statSync(folder.path(name)).size, 0)
      assert.ok(bytes <= 1000)
      assert.equal(letters.status().bytes, bytes)
    }
    const kept = [...read(folder, older), ...read(folder)].map(({ event }) => event.i)
    assert.equal(kept.at(-1), 49)
    assert.equal(kept.length, letters.status().kept)
    assert.equal(
      dropped.reduce((a, b) => a + b, 0),
      50 - kept.length,
    )
    assert.equal(letters.status().dropped, 50 - kept.length)
    assert.ok(lines.some(({ msg }) => msg.includes('oldest part is gone')))
    assert.equal(lines.filter(({ reason }) => reason === 'r').length, 1)
  })

  it('cut an event that the file could never hold', async (t) => {
    const folder = testFolder(t)
    const letters = await open(folder, 8000)
    await letters.keep([{ event: Buffer.from(`{"a":"${'x'.repeat(9000)}"}`), reason: 'r' }])
    const [letter] = read(folder)
    assert.equal(letter.event.length, 1024)
    assert.equal(letter.length, 9008)
  })

  it('go on after a crash that tore the last one', async (t) => {
    const folder = testFolder(t)
    const first = await open(folder)
    await first.keep([{ event: Buffer.from('{"a":1}'), reason: 'r' }])
    await first.close()
    writeFileSync(folder.path(newer), '{"event":{"a"', { flag: 'a' })
    const second = await open(folder)
    assert.equal(second.status().kept, 1)
    await second.keep([{ event: Buffer.from('{"a":2}'), reason: 'r' }])
    assert.deepEqual(
      read(folder).map(({ event }) => event.a),
      [1, 2],
    )
  })
})
