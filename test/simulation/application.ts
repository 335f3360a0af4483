/** The application behind a receiver, as its HTTP side sees it: it takes events, or has one of many ways not to. */
import type { Reply } from '../../src/dataplane/http/exchange.ts'
import type { Clock, Life } from './clock.ts'
import type { Copy, Ledger } from './ledger.ts'
import type { Random } from './random.ts'
import type { Trace } from './trace.ts'

/** What ails it; `well` still refuses what holds a poison event. */
export const moods = ['well', 'slow', 'hangs', 'fails', 'busy', 'refuses', 'down', 'mute'] as const
export type Mood = (typeof moods)[number]

export interface Application {
  /** Never rejects; nothing comes of it once `caller` has died. */
  post(copies: readonly Copy[], left: number, caller: Life): Promise<Reply>
  setMood(mood: Mood): void
}

export function createApplication(deps: {
  name: string
  clock: Clock
  random: Random
  ledger: Ledger
  trace: Trace
}): Application {
  const { name, clock, random, ledger, trace } = deps
  let mood: Mood = 'well'
  /** Requests under way end with it when it goes down. */
  let open = new Set<(reply: Reply) => void>()

  function take(copies: readonly Copy[]): void {
    trace('taken', name, copies.length, copies[0]?.id ?? -1)
    ledger.taken(copies)
  }

  function answerOf(copies: readonly Copy[]): Reply {
    if (mood === 'fails') return answer(random.pick([500, 502, 503]))
    if (mood === 'busy') return answer(429, String(random.int(1, 4)))
    if (mood === 'refuses' || copies.some(({ poison }) => poison)) {
      return answer(random.pick([400, 413, 415, 422]))
    }
    take(copies)
    return answer(200)
  }

  return {
    setMood(next) {
      mood = next
      trace('application', name, mood)
      if (mood !== 'down') return
      const ended = open
      open = new Set()
      for (const end of ended) end(failure('reset', 'ECONNRESET'))
    },
    post: (copies, left, caller) =>
      new Promise((resolve) => {
        let over = false
        function end(reply: Reply): void {
          if (over) return
          over = true
          open.delete(end)
          if (caller.isAlive()) resolve(reply)
        }
        if (!caller.isAlive()) return
        if (mood === 'down') {
          clock.after(1, () => end(failure('unreachable', 'ECONNREFUSED')))
          return
        }
        open.add(end)
        clock.after(left, () => end(failure('timeout', 'no answer in time')))
        const lateness = mood === 'slow' ? random.between(500, 12_000) : random.between(0.5, 20)
        if (mood === 'hangs') {
          // It may have read what it never answers to.
          if (random.chance(0.2)) clock.after(lateness, () => take(copies))
          return
        }
        clock.after(lateness, () => {
          // Went down meanwhile; of a slow one what it was given may still be worked on after nobody waits.
          if (over && (mood === 'down' || random.chance(0.5))) return
          const reply = answerOf(copies)
          if (mood === 'mute') end(failure('reset', 'ECONNRESET'))
          else end(reply)
        })
      }),
  }
}

function answer(status: number, retryAfter?: string): Reply {
  return { kind: 'answer', status, retryAfter }
}

function failure(cause: 'reset' | 'timeout' | 'unreachable', message: string): Reply {
  return { kind: 'failure', cause, message, reused: false }
}
