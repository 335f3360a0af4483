import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import test from 'node:test'
import { defaults, type SenderSettings } from '../../../src/api/sidecar-config.ts'
import { fitLines } from '../../../src/dataplane/sender/collect/fit.ts'
import { testFolder } from '../../support/certificates.ts'
import { startTestReceiver } from '../../support/receiver.ts'
import { startTestSender } from '../../support/senders.ts'

const { maxLine } = defaults.senderLimits
const decorated: Partial<SenderSettings> = {
  decorate: 'Kubernetes',
  pod: { namespace: 'shop', name: 'web-1' },
}
const wrapping = '{"message":"","@timestamp":"2026-11-22T00:00:00.000Z"}'.length
const decoration = '"kubernetes":{"namespace":"shop","pod":"web-1"},'.length

function objectOf(length: number): string {
  return `{"fill":"${'x'.repeat(length - '{"fill":""}'.length)}"}`
}

const cases: [what: string, line: (final: number) => string, settings: Partial<SenderSettings>][] =
  [
    ['an object', objectOf, {}],
    ['a text that is wrapped', (final) => 'x'.repeat(final - wrapping), {}],
    [
      'a text whose escapes make it longer',
      (final) => {
        const room = final - wrapping
        return '"'.repeat(Math.floor(room / 2)) + 'x'.repeat(room % 2)
      },
      {},
    ],
    ['an object that is decorated', (final) => objectOf(final - decoration), decorated],
    [
      'a text that is wrapped and decorated',
      (final) => 'x'.repeat(final - wrapping - decoration),
      decorated,
    ],
  ]

for (const [what, line, settings] of cases) {
  test(`${what}, of exactly maxLine on the wire, arrives; one byte more stays with the sender`, {
    timeout: 60_000,
  }, async (t) => {
    const folder = testFolder(t)
    const output = folder.path('out.ndjson')
    const receiver = await startTestReceiver(t, {
      deliver: { type: 'file', path: output, fsync: false },
      deadLetter: { directory: folder.path('receiver-dead'), maxSize: 2 ** 20 },
    })
    const sender = await startTestSender(t, [receiver.port], {
      ...settings,
      deadLetter: { directory: folder.path('sender-dead'), maxSize: 2 ** 20 },
    })
    sender.input.write(`${line(maxLine)}\n`)
    sender.input.write(`${line(maxLine + 1)}\n`)
    sender.input.end('{"last":1}\n')
    await sender.drained
    const lengths = readFileSync(output, 'utf8')
      .split('\n')
      .slice(0, -1)
      .map((each) => each.length)
    assert.equal(lengths.length, 2)
    assert.equal(Math.max(...lengths), maxLine)
    const letters = readFileSync(folder.path('sender-dead/dead-letters.ndjson'), 'utf8')
    assert.match(letters, new RegExp(`"length":${maxLine + 1}\\b`))
    assert.throws(() => readFileSync(folder.path('receiver-dead/dead-letters.ndjson')), /ENOENT/)
  })
}

test('only the lines over the limit are taken out of a run', () => {
  const body = Buffer.from('{"a":1}\n{"long":1}\n{"b":2}\n{"c":3}\n{"longer":1}\n')
  const { events, oversized } = fitLines([{ body, count: 5 }], 7)
  assert.deepEqual(
    events.map((each) => [each.body.toString(), each.count]),
    [
      ['{"a":1}\n', 1],
      ['{"b":2}\n{"c":3}\n', 2],
    ],
  )
  assert.deepEqual(
    oversized.map(({ head, length }) => [head.toString(), length]),
    [
      ['{"long":1}', 10],
      ['{"longer":1}', 12],
    ],
  )
})
