/**
 * A host as its senders see it: requests wait in line for one of `concurrency` workers.
 *
 *   up      answers; with over 200 in line 429, as the real input does
 *   down    refuses connections; what it had is reset
 *   hang    takes connections and never answers
 *   drop    packets vanish: no new connection comes about, kept ones are silent
 *   reject  answers 429
 */
import type { Agenda } from './agenda.ts'
import type { Chance } from './chance.ts'

export type Mode = 'up' | 'down' | 'hang' | 'drop' | 'reject'
export type Ending = 'delivered' | 'refused' | 'reset' | 'timeout' | '429'

/** ms. */
export interface ClientLimits {
  connect: number
  response: number
}

/** Connections that one sender keeps to one host. */
export interface Kept {
  idle: number
}

export interface SimulatedHost {
  readonly id: string
  readonly zone: string
  mode: Mode
  /** How many times longer everything takes. */
  slowness: number
  become(mode: Mode): void
  /** One request; `served` counts those that it worked off, whether or not the sender still waited. */
  send(kept: Kept, limits: ClientLimits, end: (ending: Ending) => void): void
  served: number
  /** Requests in line or in work, and the most that there ever were since it was set to 0. */
  load: number
  highest: number
}

export interface HostOptions {
  id: string
  zone: string
  serviceMs: number
  concurrency: number
}

const roundTrip = 1
const longestLine = 200

interface Request {
  open: boolean
  end: (ending: Ending) => void
}

export function createHost(
  agenda: Agenda,
  chance: Chance,
  { id, zone, serviceMs, concurrency }: HostOptions,
): SimulatedHost {
  let line: Request[] = []
  let working: Set<Request> = new Set()

  function take(request: Request): void {
    if (line.length >= longestLine) return request.end('429')
    host.load += 1
    host.highest = Math.max(host.highest, host.load)
    line.push(request)
    work()
  }

  function work(): void {
    if (working.size >= concurrency) return
    const request = line.shift()
    if (request === undefined) return
    const crew = working
    crew.add(request)
    agenda.at(agenda.now() + chance.service(serviceMs * host.slowness), () => {
      // What it had before it went down or hung is lost.
      if (crew !== working) return
      crew.delete(request)
      host.load -= 1
      host.served += 1
      request.end('delivered')
      work()
    })
  }

  const host: SimulatedHost = {
    id,
    zone,
    mode: 'up',
    slowness: 1,
    served: 0,
    load: 0,
    highest: 0,
    become(mode) {
      const had = [...working, ...line]
      host.mode = mode
      if (mode === 'up' || mode === 'reject') return
      line = []
      working = new Set()
      host.load = 0
      if (mode === 'down') for (const request of had) request.end('reset')
    },
    send(kept, limits, end) {
      const isKept = kept.idle > 0
      if (isKept) kept.idle -= 1
      const request: Request = {
        open: true,
        end(ending) {
          if (!request.open) return
          request.open = false
          agenda.at(agenda.now() + roundTrip / 2, () => {
            if (ending === 'delivered' || ending === '429') kept.idle += 1
            end(ending)
          })
        },
      }
      function arrive(): void {
        agenda.at(agenda.now() + limits.response, () => request.end('timeout'))
        if (host.mode === 'down') request.end('reset')
        else if (host.mode === 'reject') request.end('429')
        else if (host.mode === 'up') take(request)
      }
      if (isKept) return agenda.at(agenda.now() + roundTrip / 2, arrive)
      agenda.at(agenda.now() + roundTrip / 2, () => {
        if (host.mode === 'down') request.end('refused')
        else if (host.mode === 'drop') {
          agenda.at(agenda.now() + limits.connect, () => request.end('timeout'))
        } else agenda.at(agenda.now() + roundTrip, arrive)
      })
    },
  }
  return host
}
