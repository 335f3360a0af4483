import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import test from 'node:test'
import { eventually } from '../support/eventually.ts'
import { startTimeOf } from './process-table.ts'

// Starts a guardian and a process, says the pid of the latter, and never ends by itself.
const starter = `
  import { spawn } from 'node:child_process'
  import { startGuardian } from ${JSON.stringify(new URL('guardian.ts', import.meta.url).href)}
  const guardian = startGuardian()
  const child = spawn('sleep', ['60'])
  guardian.watch(child.pid)
  console.log(child.pid)
  setInterval(() => undefined, 1000)
`

test('what a runner started ends with it, also when that is killed', {
  skip: process.platform === 'linux' ? false : 'needs /proc',
}, async () => {
  const runner = spawn(process.execPath, ['--input-type=module-typescript', '-e', starter], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [said] = (await once(runner.stdout, 'data')) as [Buffer]
  const pid = Number(said.toString())
  assert.notEqual(startTimeOf(pid), undefined)
  runner.kill('SIGKILL')
  await eventually('it has ended', () => assert.equal(startTimeOf(pid), undefined))
})
