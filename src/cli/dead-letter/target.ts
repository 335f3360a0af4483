/** Where dead letters are sent to again: a sender of our own, or the collect.http of another one. */
import type { SenderSettings } from '../../api/sidecar-config.ts'
import type { DeadLetter } from '../../dataplane/dead-letter/dead-letters.ts'
import { fixed } from '../../dataplane/files/watched.ts'
import { startSender } from '../../dataplane/sender/sender.ts'
import { defaultTimeouts } from '../../dataplane/sender/timeouts.ts'
import { messageOf } from '../../errors.ts'
import { createLog } from '../../telemetry/log.ts'
import { createMetrics } from '../../telemetry/metrics.ts'
import type { Io } from '../io.ts'
import { version } from '../version.ts'

export interface ReplayTarget {
  /** Never rejects. `refused` holds, by its place among the events, what was refused as at fault again. */
  send(events: readonly Buffer[]): Promise<SendResult>
  close(): Promise<void>
}

type SendResult =
  | { kind: 'acknowledged'; refused: ReadonlySet<number> }
  /** Nothing of it counts as sent; `waitMs` later may be another time. */
  | { kind: 'not now'; problem: string; waitMs: number }
  /** The request itself is refused: a part of it may pass. */
  | { kind: 'refused'; problem: string }

const maxLine = 2 ** 28

/** A sender that keeps nothing aside: what a host refuses is heard of here, and stays in its file. */
export async function openSenderTarget(
  settings: SenderSettings,
  { env }: Pick<Io, 'env'>,
  giveUp: number,
): Promise<ReplayTarget> {
  let refusals: DeadLetter[] = []
  const sender = await startSender(
    fixed({ ...settings, limits: { ...settings.limits, maxLine } }),
    {
      log: createLog({ program: 'dead-letter', level: 'Warn' }),
      registry: createMetrics({ program: 'dead-letter' }),
      env,
      version,
      timeouts: { ...defaultTimeouts, delivery: Math.min(defaultTimeouts.delivery, giveUp) },
      refusals: {
        keep(letters) {
          refusals.push(...letters)
          return Promise.resolve()
        },
        status: () => ({ kept: 0, bytes: 0, dropped: 0 }),
        close: () => Promise.resolve(),
      },
    },
  )
  const url = `http://127.0.0.1:${sender.ports.http}/`
  return {
    async send(events) {
      refusals = []
      const result = await post(url, events)
      if (result.kind === 'acknowledged') return { ...result, refused: placesOf(refusals, events) }
      const { problem } = sender.status() as { problem?: string }
      return { ...result, problem: problem ?? result.problem }
    },
    async close() {
      await sender.stop({ graceMs: 0 })
    },
  }
}

export function openHttpTarget(url: string): ReplayTarget {
  return { send: (events) => post(url, events), close: () => Promise.resolve() }
}

/** Equal events are alike: as many of them as were refused. An event that went alone may have been wrapped. */
function placesOf(refusals: readonly DeadLetter[], events: readonly Buffer[]): Set<number> {
  if (events.length === 1) return new Set(refusals.length > 0 ? [0] : [])
  const left = new Map<string, number>()
  for (const { event } of refusals) {
    const text = event.toString('latin1')
    left.set(text, (left.get(text) ?? 0) + 1)
  }
  const places = new Set<number>()
  for (const [place, event] of events.entries()) {
    const text = event.toString('latin1')
    const count = left.get(text) ?? 0
    if (count === 0) continue
    left.set(text, count - 1)
    places.add(place)
  }
  return places
}

const newline = Buffer.from('\n')

async function post(url: string, events: readonly Buffer[]): Promise<SendResult> {
  let response: Response
  try {
    response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/x-ndjson' },
      body: Buffer.concat(events.flatMap((event) => [event, newline])),
      redirect: 'manual',
    })
    await response.arrayBuffer()
  } catch (error) {
    const cause = error instanceof Error && error.cause !== undefined ? error.cause : error
    return { kind: 'not now', problem: `${url}: ${messageOf(cause)}`, waitMs: 1000 }
  }
  const { status, ok } = response
  if (ok) return { kind: 'acknowledged', refused: new Set() }
  const problem = `${url} answers ${status}`
  if (status === 400 || status === 413 || status === 415 || status === 422) {
    return { kind: 'refused', problem }
  }
  const seconds = Number(response.headers.get('retry-after') ?? 1)
  const waitMs = Number.isFinite(seconds) ? Math.min(Math.max(seconds, 0.1), 30) * 1000 : 1000
  return { kind: 'not now', problem, waitMs }
}
