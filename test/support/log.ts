/** Logs for tests: one that says nothing, one that keeps what was said. */
import { createLog, type Log } from '../../src/telemetry/log.ts'

export function silentLog(): Log {
  return createLog({ program: 'test', level: 'Debug', destination: { write: () => undefined } })
}

export interface LogLine {
  level: 'debug' | 'info' | 'warn' | 'error'
  msg: string
  [field: string]: unknown
}

/** `lines` grows with each call of the log, debug included. */
export function capturedLog(): { log: Log; lines: LogLine[] } {
  const lines: LogLine[] = []
  const log = createLog({
    program: 'test',
    level: 'Debug',
    destination: { write: (line) => void lines.push(JSON.parse(line) as LogLine) },
  })
  return { log, lines }
}
