import assert from 'node:assert/strict'
import {
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { describe, it, type TestContext } from 'node:test'
import { deadLetterLine } from '../../../src/dataplane/dead-letter/dead-letter-line.ts'
import { openDeadLetters } from '../../../src/dataplane/dead-letter/dead-letters.ts'
import { followDeadLetters } from '../../../src/dataplane/dead-letter/follow-dead-letters.ts'
import { changeable } from '../../../src/dataplane/files/watched.ts'
import { testFolder, type TestFolder } from '../../support/certificates.ts'
import { capturedLog, silentLog } from '../../support/log.ts'

const time = new Date('2026-01-02T03:04:05.678Z')

/** Closed with the test; `folder` first, so that it is removed last. */
async function open(
  t: TestContext,
  folder: TestFolder,
  maxSize = 1 << 20,
  dropped: number[] = [],
  log = silentLog(),
) {
  const letters = await openDeadLetters(folder.path('dead'), {
    maxSize: () => maxSize,
    now: () => time,
    log,
    onDropped: (count) => void dropped.push(count),
  })
  t.after(() => letters.close())
  return letters
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
    const letters = await open(t, folder)
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
    const letters = await open(t, folder, 1000, dropped, log)
    for (let i = 0; i < 50; i += 1) {
      await letters.keep([{ event: Buffer.from(`{"i":${i}}`), reason: 'r' }])
      const bytes = [newer, older]
        .filter((name) => existsSync(folder.path(name)))
        .reduce((sum, name) => sum + statSync(folder.path(name)).size, 0)
      assert.ok(bytes <= 1000)
      assert.equal(letters.status().bytes, bytes)
    }
    const kept = [...read(folder, older), ...read(folder)].map(({ event: kept }) => kept.i)
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
    const letters = await open(t, folder, 8000)
    await letters.keep([{ event: Buffer.from(`{"a":"${'x'.repeat(9000)}"}`), reason: 'r' }])
    const [letter] = read(folder)
    assert.equal(letter.event.length, 1024)
    assert.equal(letter.length, 9008)
  })

  it('go on after a crash that tore the last one', async (t) => {
    const folder = testFolder(t)
    const first = await open(t, folder)
    await first.keep([{ event: Buffer.from('{"a":1}'), reason: 'r' }])
    await first.close()
    writeFileSync(folder.path(newer), '{"event":{"a"', { flag: 'a' })
    const second = await open(t, folder)
    assert.equal(second.status().kept, 1)
    await second.keep([{ event: Buffer.from('{"a":2}'), reason: 'r' }])
    assert.deepEqual(
      read(folder).map(({ event }) => event.a),
      [1, 2],
    )
  })
})

describe('dead letters of an earlier life', () => {
  for (const name of [newer, older]) {
    it(`are not cut away where ${name} cannot be read at the start: new ones wait`, async (t) => {
      const folder = testFolder(t)
      const first = await open(t, folder)
      await first.keep([{ event: Buffer.from('{"a":1}'), reason: 'r' }])
      await first.close()
      const path = folder.path(name)
      renameSync(folder.path(newer), folder.path('away'))
      // Any error of the file system: this one leads to itself.
      symlinkSync(path, path)
      const { log, lines } = capturedLog()
      const second = await open(t, folder, 1 << 20, [], log)
      assert.ok(lines.some(({ msg }) => msg.includes('cannot be read')))
      const letters = [{ event: Buffer.from('{"a":2}'), reason: 'r' }]
      await assert.rejects(second.keep(letters), { code: 'LSL_DEAD_LETTER_FAILED' })
      unlinkSync(path)
      renameSync(folder.path('away'), path)
      await second.keep(letters)
      const files = [older, newer].filter((each) => existsSync(folder.path(each)))
      const kept = files.flatMap((each) => read(folder, each))
      assert.deepEqual(
        kept.map((each) => each.event.a),
        [1, 2],
      )
      assert.equal(second.status().kept, 2)
    })
  }

  it('are counted piece by piece: a file larger than the memory is no reason not to start', async (t) => {
    const folder = testFolder(t)
    mkdirSync(folder.path('dead'))
    const lines = [0, 1, 256 * 1024 - 3, 1, 600 * 1024].map((length) => `${'x'.repeat(length)}\n`)
    writeFileSync(folder.path(newer), `${lines.join('')}torn`)
    const bytes = lines.join('').length
    const letters = await open(t, folder, 2 ** 33)
    assert.deepEqual(letters.status(), { kept: lines.length, bytes, dropped: 0 })
    await letters.keep([{ event: Buffer.from('{}'), reason: 'r' }])
    assert.equal(statSync(folder.path(newer)).size, letters.status().bytes)
    assert.ok(letters.status().bytes > bytes)
  })

  it('are not cut off by a program that was started before they were written', async (t) => {
    const folder = testFolder(t)
    const waiting = await open(t, folder)
    const other = await open(t, folder)
    await other.keep([{ event: Buffer.from('{"a":1}'), reason: 'r' }])
    await other.close()
    await waiting.keep([{ event: Buffer.from('{"a":2}'), reason: 'r' }])
    assert.deepEqual(
      read(folder).map((each) => each.event.a),
      [1, 2],
    )
  })
})

const event = (i: number) => Buffer.from(`{"i":${i}}`)

describe('the bound of the dead letters', () => {
  const lineBytes = deadLetterLine({ event: event(0), reason: 'r' }, time, 1 << 20).length

  it('is reached to the byte, and one more letter makes the oldest half go', async (t) => {
    const folder = testFolder(t)
    const dropped: number[] = []
    // Room for two lines in each half.
    const letters = await open(t, folder, 4 * lineBytes, dropped)
    for (let i = 0; i < 4; i += 1) await letters.keep([{ event: event(i), reason: 'r' }])
    assert.deepEqual(letters.status(), { kept: 4, bytes: 4 * lineBytes, dropped: 0 })
    await letters.keep([{ event: event(4), reason: 'r' }])
    assert.deepEqual(letters.status(), { kept: 3, bytes: 3 * lineBytes, dropped: 2 })
    assert.deepEqual(dropped, [2])
    assert.deepEqual(
      [...read(folder, older), ...read(folder)].map(({ event: kept }) => kept.i),
      [2, 3, 4],
    )
  })

  it('holds for what an earlier life with a larger bound left', async (t) => {
    const folder = testFolder(t)
    const first = await open(t, folder, 100 * lineBytes)
    for (let i = 0; i < 90; i += 1) await first.keep([{ event: event(0), reason: 'r' }])
    await first.close()
    const dropped: number[] = []
    const second = await open(t, folder, 10 * lineBytes, dropped)
    await second.keep([{ event: event(1), reason: 'r' }])
    assert.deepEqual(second.status(), { kept: 1, bytes: lineBytes, dropped: 90 })
    assert.equal(
      dropped.reduce((a, b) => a + b, 0),
      90,
    )
    assert.ok(!existsSync(folder.path(older)))
  })

  it('is kept by an event that no half could hold, whatever its bytes', async (t) => {
    for (const filling of ['x', '\u0000', '\xff']) {
      const folder = testFolder(t)
      const letters = await open(t, folder, 4096)
      for (let i = 0; i < 5; i += 1) {
        await letters.keep([{ event: Buffer.from(filling.repeat(5000), 'latin1'), reason: 'r' }])
        assert.ok(letters.status().bytes <= 4096)
      }
      assert.equal(read(folder).at(-1).length, 5000)
    }
  })
})

function setUp(t: TestContext, maxSize: number) {
  const folder = testFolder(t)
  const directory = folder.path('dead')
  const dropped: number[] = []
  const settings = changeable({ deadLetter: { directory, maxSize } })
  const followed = followDeadLetters(settings, {
    now: () => time,
    log: silentLog(),
    onDropped: (count) => void dropped.push(count),
  })
  return { folder, directory, settings, followed, dropped }
}
const letter = (i: number) => ({ event: event(i), reason: 'r' })

it('keep nothing in a part of a folder that another program took over', async (t) => {
  const folder = testFolder(t)
  let isLost = false
  const followed = await followDeadLetters(
    changeable({ deadLetter: { directory: folder.path('dead'), maxSize: 1 << 20 } }),
    {
      now: () => time,
      log: silentLog(),
      onDropped: () => undefined,
      slot: { name: 'slot-7', isLost: () => isLost },
    },
  )
  t.after(() => followed.close())
  await followed.current?.keep([letter(0)])
  isLost = true
  await assert.rejects(followed.current?.keep([letter(1)]) ?? Promise.resolve(), {
    code: 'LSL_DEAD_LETTER_FAILED',
  })
  assert.equal(read(folder, 'dead/slot-7/dead-letters.ndjson').length, 1)
})

describe('dead letters whose settings change', () => {
  it('have one writer of a folder all the time: no letter is cut off by a changed bound', async (t) => {
    const { folder, directory, settings, followed } = setUp(t, 1 << 20)
    const letters = await followed
    const keeping: Promise<void>[] = []
    for (let i = 0; i < 100; i += 1) {
      if (i % 10 === 5) settings.set({ deadLetter: { directory, maxSize: (1 << 20) + i } })
      // Whoever got the writer before the change still holds it.
      keeping.push(letters.current?.keep([letter(i)]) ?? Promise.reject(new Error('no writer')))
      if (i % 10 === 7) await keeping.at(-1)
    }
    await Promise.all(keeping)
    await letters.close()
    assert.deepEqual(
      read(folder).map(({ event: kept }) => kept.i),
      [...Array(100).keys()],
    )
  })

  it('take a smaller bound with the next letter', async (t) => {
    const { directory, settings, followed, dropped } = setUp(t, 1 << 20)
    const letters = await followed
    for (let i = 0; i < 100; i += 1) await letters.current?.keep([letter(i)])
    settings.set({ deadLetter: { directory, maxSize: 1000 } })
    await letters.settled()
    await letters.current?.keep([letter(100)])
    assert.equal(letters.current?.status().kept, 1)
    assert.deepEqual(dropped, [100])
    await letters.close()
  })

  it('go on in another folder once that is named', async (t) => {
    const { folder, settings, followed } = setUp(t, 1 << 20)
    const letters = await followed
    await letters.current?.keep([letter(1)])
    settings.set({ deadLetter: { directory: folder.path('other'), maxSize: 1 << 20 } })
    await letters.settled()
    await letters.current?.keep([letter(2)])
    assert.deepEqual(
      [...read(folder), ...read(folder, 'other/dead-letters.ndjson')].map(
        ({ event: kept }) => kept.i,
      ),
      [1, 2],
    )
    await letters.close()
  })
})
