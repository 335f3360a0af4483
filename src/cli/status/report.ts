/** What a sidecar says of itself at /status, taken with care: it is a stranger's answer. Pure. */

export type Report =
  | { asked: false; why: string }
  | {
      asked: true
      problem?: string
      /** ms */
      oldestEventAge?: number
      queue?: { events: number; bytes: number; maxSize: number }
      /** Batches at hosts. */
      inFlight?: number
      delivered?: number
      connections?: number
      /** With the receiver, not yet with the application. */
      undelivered?: number
      deadLetters?: number
      hosts?: { host: string; state: string; problem?: string }[]
    }

const longest = 512

export function readReport(answer: unknown): Report {
  const status = fields(answer)
  const queue = fields(status['queue'])
  const [events, bytes, maxSize] = [queue['events'], queue['bytes'], queue['maxSize']].map(number)
  const hosts = Array.isArray(status['hosts']) ? status['hosts'].map(readHost) : undefined
  const inFlight = Array.isArray(status['hosts'])
    ? status['hosts'].reduce<number>(
        (sum, host) => sum + (number(fields(host)['inFlight']) ?? 0),
        0,
      )
    : undefined
  return {
    asked: true,
    ...given('problem', text(status['problem'])),
    ...given('oldestEventAge', number(status['oldestEventAge'])),
    ...(events === undefined
      ? {}
      : { queue: { events, bytes: bytes ?? 0, maxSize: maxSize ?? 0 } }),
    ...given('inFlight', inFlight),
    ...given('delivered', number(fields(status['events'])['delivered'])),
    ...given('connections', number(status['connections'])),
    ...given('undelivered', number(fields(status['delivery'])['undelivered'])),
    ...given('deadLetters', number(fields(status['deadLetters'])['kept'])),
    ...given('hosts', hosts),
  }
}

function readHost(answer: unknown): { host: string; state: string; problem?: string } {
  const host = fields(answer)
  return {
    host: text(host['host']) ?? '?',
    state: text(host['state']) ?? '?',
    ...given('problem', text(host['problem'])),
  }
}

function given<K extends string, T>(key: K, value: T | undefined): { [Key in K]?: T } {
  return value === undefined ? {} : ({ [key]: value } as { [Key in K]: T })
}

function fields(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? { ...value } : {}
}

function number(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined
}

/** Control characters could move the cursor of whoever reads this on a terminal. */
function text(value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined
  return value.replace(/\p{Cc}+/gu, ' ').slice(0, longest)
}
