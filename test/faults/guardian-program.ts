/**
 * Kills what is left when its starter is gone, however that ended: reads `+<pid> <start time>` and `-<pid>` from standard
 * input, and at its end kills the processes that are still the same ones.
 */
import { createInterface } from 'node:readline'
import { startTimeOf } from './process-table.ts'

const watched = new Map<number, string>()
// A Ctrl-C reaches the whole group: whoever is to clean up stays.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined)
for await (const line of createInterface({ input: process.stdin })) {
  const [pid = '', startTime = ''] = line.slice(1).split(' ')
  if (line.startsWith('+')) watched.set(Number(pid), startTime)
  else watched.delete(Number(pid))
}
for (const [pid, startTime] of watched) {
  // Numbers are given out again.
  if (startTimeOf(pid) !== startTime) continue
  process.kill(pid, 'SIGKILL')
}
