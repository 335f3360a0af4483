import assert from 'node:assert/strict'
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import test from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { defaultTimeouts } from '../../../src/dataplane/sender/timeouts.ts'
import { makeTestAuthority, testFolder } from '../../support/certificates.ts'
import { missingOf, startTestSender } from '../../support/senders.ts'

const program = new URL('../../support/receiver-program.ts', import.meta.url)
const hangs = 6_000
const lasts = 8_000

test('one receiver killed, one hanging, one with a new certificate: all arrives, and it never stands still', {
  timeout: 90_000,
}, async (t) => {
  const folder = testFolder(t)
  const authority = await makeTestAuthority()
  const outputs = [0, 1, 2].map((i) => folder.path(`out-${i}`))
  const children: ChildProcess[] = []
  t.after(() => {
    for (const child of children) child.kill('SIGKILL')
  })

  async function start(index: number, port = 0): Promise<{ child: ChildProcess; port: number }> {
    const leaf = await authority.leaf()
    const cert = folder.write(`${index}.crt`, leaf.certPem)
    const key = folder.write(`${index}.key`, leaf.keyPem)
    const child = fork(program, [String(port), cert, key, outputs[index] ?? ''])
    children.push(child)
    const [listening] = (await once(child, 'message')) as [number]
    return { child, port: listening }
  }

  const receivers = await Promise.all([0, 1, 2].map((index) => start(index)))
  const [killed, hanging, renewed] = receivers
  assert.ok(killed && hanging && renewed)
  const sender = await startTestSender(
    t,
    receivers.map(({ port }) => port),
    {
      batch: { maxEvents: 100, maxBytes: 2 ** 20, maxWait: 20 },
      tls: {
        enabled: true,
        trust: { type: 'pem', ca: folder.write('ca.crt', authority.caPem) },
        verification: 'Full',
      },
    },
    { timeouts: { ...defaultTimeouts, response: 3_000 } },
  )
  const delivered = (): number =>
    (sender.status() as { events: { delivered: number } }).events.delivered

  let written = 0
  let longest = 0
  let progressAt = performance.now()
  let seen = 0
  const feed = setInterval(() => {
    sender.write(written, written + 500)
    written += 500
    if (delivered() > seen) {
      seen = delivered()
      progressAt = performance.now()
    } else longest = Math.max(longest, performance.now() - progressAt)
  }, 25)
  t.after(() => clearInterval(feed))

  await delay(500)
  hanging.child.kill('SIGSTOP')
  await delay(500)
  killed.child.kill('SIGKILL')
  await delay(1000)
  const leaf = await authority.leaf()
  folder.write('2.crt', leaf.certPem)
  folder.write('2.key', leaf.keyPem)
  renewed.child.kill('SIGHUP')
  await delay(2000)
  await start(0, killed.port)
  await delay(hangs - 3500)
  hanging.child.kill('SIGCONT')
  await delay(lasts - hangs - 1000)
  clearInterval(feed)
  sender.input.end()
  await sender.drained

  const lines = outputs.flatMap((path) => readFileSync(path, 'utf8').split('\n').slice(0, -1))
  assert.deepEqual(missingOf(lines, written).slice(0, 10), [])
  assert.ok(longest < 2000, `stood still for ${longest} ms`)
  t.diagnostic(
    `${written} events, ${lines.length - written} duplicates, longest pause ${Math.round(longest)} ms`,
  )
})
