/** What Linux says of a process under /proc. */
import { readFileSync } from 'node:fs'

function read(pid: number, name: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8')
  } catch {
    // It has ended.
    return undefined
  }
}

/** With the pid it tells one process from all others; undefined once it has ended. */
export function startTimeOf(pid: number): string | undefined {
  const stat = read(pid, 'stat')
  // The second field is a name in parentheses that may hold anything; the start time is the 22nd.
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
}

/** Bytes; undefined once it has ended. */
export function residentMemoryOf(pid: number): number | undefined {
  const found = /^VmRSS:\s+(\d+) kB$/m.exec(read(pid, 'status') ?? '')
  return found === null ? undefined : Number(found[1]) * 1024
}
