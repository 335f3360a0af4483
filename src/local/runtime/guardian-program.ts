/** The program of guardian.ts, run as a process: `+PID` and `-PID` lines on stdin, `.` for an orderly end. */
import { rmSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'

/** For programs to finish what they have before they are killed, ms. */
const grace = 3000

const groups = new Set<number>()
let orderly = false
for await (const line of createInterface({ input: process.stdin })) {
  const group = Number(line.slice(1))
  if (line === '.') orderly = true
  else if (line.startsWith('+')) groups.add(group)
  else groups.delete(group)
}
if (!orderly) {
  signalAll('SIGTERM')
  for (let waited = 0; waited < grace && anyAlive(); waited += 50) await delay(50)
  signalAll('SIGKILL')
  const folder = process.argv[2]
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true })
}

function signalAll(signal: NodeJS.Signals): void {
  for (const group of groups) send(group, signal)
}

function anyAlive(): boolean {
  return [...groups].some((group) => send(group, 0))
}

function send(group: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(-group, signal)
    return true
  } catch {
    // ESRCH: the group has ended already, which is what is wanted.
    return false
  }
}
