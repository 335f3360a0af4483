import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { startGuardian } from './guardian.ts'
import { runSchedule } from './run-schedule.ts'
import type { Schedule } from './schedule.ts'

const schedule: Schedule = {
  seed: 1,
  durationMs: 3000,
  httpQueue: 'Disk',
  clientCertificates: true,
  queueSize: 4 * 2 ** 20,
  steps: [
    { at: 1000, fault: { kind: 'kill', target: 'sender-http', downMs: 100 } },
    { at: 1200, fault: { kind: 'lose-answers', receiver: 1, forMs: 300 } },
    { at: 1300, fault: { kind: 'hang', target: 'receiver-2', forMs: 700 } },
    { at: 1500, fault: { kind: 'kill', target: 'receiver-0', downMs: 100 } },
    { at: 1600, fault: { kind: 'terminate', target: 'sender-files', graceMs: 1000, downMs: 0 } },
  ],
}

test('every event arrives while senders and receivers are killed, hang and lose answers', {
  skip: process.platform === 'linux' ? false : 'needs /proc and an address for each world',
}, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'faults-test-'))
  const guardian = startGuardian()
  t.after(async () => {
    await guardian.close()
    rmSync(folder, { recursive: true })
  })
  const outcome = await runSchedule(schedule, { folder, guardian, canMount: false })
  assert.deepEqual(outcome.problems, [])
  assert.ok(outcome.arrived > 500, `${outcome.arrived} events arrived`)
  assert.equal(outcome.arrived + outcome.deadLettered + outcome.lostAsDeclared, outcome.written)
})
