import assert from 'node:assert/strict'
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import test from 'node:test'
import { defaultTimeouts } from '../../../src/dataplane/sender/timeouts.ts'
import { makeTestAuthority, testFolder } from '../../support/certificates.ts'
import { eventually } from '../../support/eventually.ts'
import { missingOf, startTestSender } from '../../support/senders.ts'

const program = new URL('../../support/receiver-program.ts', import.meta.url)
const tick = 25

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
  interface Status {
    events: { delivered: number }
    hosts: { host: string; sent: number; errors: number; state: string }[]
  }
  const status = (): Status => sender.status() as Status
  const hostOf = ({ port }: { port: number }): Status['hosts'][number] => {
    const host = status().hosts.find((each) => each.host === `127.0.0.1:${port}`)
    assert.ok(host)
    return host
  }
  const fails = (which: { port: number }) => () =>
    assert.ok(hostOf(which).errors > 0 && hostOf(which).state !== 'well')
  const takesMoreThan = (which: { port: number }, sent: number) => () =>
    assert.ok(hostOf(which).sent > sent)

  let written = 0
  let longest = 0
  let pause = 0
  let seen = 0
  let tickedAt = performance.now()
  const feed = setInterval(() => {
    sender.write(written, written + 500)
    written += 500
    // Of a tick that came late only its own length counts: then this process got no time, whatever the sender would do.
    pause += Math.min(performance.now() - tickedAt, 2 * tick)
    tickedAt = performance.now()
    longest = Math.max(longest, pause)
    if (status().events.delivered === seen) return
    seen = status().events.delivered
    pause = 0
  }, tick)
  t.after(() => clearInterval(feed))

  await eventually('each takes events', () => {
    for (const receiver of receivers) takesMoreThan(receiver, 0)()
  })
  hanging.child.kill('SIGSTOP')
  await eventually('one is found to hang', fails(hanging))
  killed.child.kill('SIGKILL')
  await eventually('one is found to be gone', fails(killed))
  const leaf = await authority.leaf()
  folder.write('2.crt', leaf.certPem)
  folder.write('2.key', leaf.keyPem)
  renewed.child.kill('SIGHUP')
  await eventually(
    'the only one left takes events',
    takesMoreThan(renewed, hostOf(renewed).sent + 1000),
  )
  const before = { killed: hostOf(killed).sent, hanging: hostOf(hanging).sent }
  await start(0, killed.port)
  hanging.child.kill('SIGCONT')
  await eventually('the one that was killed takes events', takesMoreThan(killed, before.killed))
  await eventually('the one that hung takes events', takesMoreThan(hanging, before.hanging))
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
