/**
 * Those who write events to the three senders, each as such an application should: by HTTP, again until it is told 2xx;
 * to a file that is renamed away now and then; over a TCP connection that is opened again when it breaks.
 */
import { once } from 'node:events'
import { closeSync, openSync, renameSync, writeSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { setImmediate, setTimeout as delay } from 'node:timers/promises'
import type { Random } from '../support/random.ts'
import type { Checker } from './checker.ts'
import { eventLine } from './events.ts'
import type { Source } from './schedule.ts'

export interface Actor {
  /** Writes no new event; resolves once all that was written is told safe, where it can be. Call once. */
  finish(): Promise<void>
  /** Gives up at once. */
  abort(): void
  /** What no answer should ever have been. */
  problems: string[]
}

interface ActorOptions {
  seed: number
  checker: Checker
  random: Random
  /** Events a second. */
  rate: number
}

const again = 150
const answerLimit = 30_000

/** Numbers of one source, in order, as lines. */
function createPen(source: Source, { seed, checker }: ActorOptions) {
  let next = 0
  return {
    /** `count` lines with their newlines, and their numbers from `from` until before `to`. */
    write(count: number): { from: number; to: number; text: string } {
      const from = next
      let text = ''
      for (; next < from + count; next += 1) {
        checker.written(source, next)
        text += `${eventLine(seed, source, next)}\n`
      }
      return { from, to: next, text }
    },
  }
}

/** Calls until `stopped`, so often that `count` events each make up the rate. */
async function paced(
  { rate, random }: ActorOptions,
  stopped: AbortSignal,
  write: (count: number) => void | Promise<void>,
): Promise<void> {
  const began = performance.now()
  let done = 0
  while (!stopped.aborted) {
    const count = random.integer(1, Math.max(1, rate / 10))
    await write(count)
    done += count
    const ahead = (done / rate) * 1000 - (performance.now() - began)
    // Rejects on abort alone, which the loop looks at.
    if (ahead > 1) await delay(ahead, undefined, { signal: stopped }).catch(() => undefined)
    // One that is behind must not keep the world from going on: a broken socket closes in a later turn.
    else await setImmediate()
  }
}

/** Several requests at once, each repeated until its events are told safe. */
export function startHttpActor(url: string, options: ActorOptions): Actor {
  const pen = createPen('http', options)
  const stopped = new AbortController()
  const aborted = new AbortController()
  const problems: string[] = []

  async function post(text: string): Promise<boolean> {
    try {
      const response = await fetch(url, {
        method: 'POST',
        body: text,
        signal: AbortSignal.any([aborted.signal, AbortSignal.timeout(answerLimit)]),
      })
      const said = await response.text()
      if (response.ok) return true
      if (response.status !== 429 && response.status !== 503) {
        problems.push(`sender-http answered ${response.status}: ${said}`)
      }
    } catch {
      // Refused, reset or late: the sender is down, stopped or full. What counts is the next try.
    }
    return false
  }

  async function loop(): Promise<void> {
    await paced({ ...options, rate: options.rate / 4 }, stopped.signal, async (count) => {
      const { from, to, text } = pen.write(count)
      while (!aborted.signal.aborted) {
        if (await post(text)) return options.checker.toldSafe('http', from, to)
        await delay(again)
      }
    })
  }

  const loops = Promise.all([loop(), loop(), loop(), loop()])
  return {
    async finish() {
      stopped.abort()
      await loops
    },
    abort() {
      stopped.abort()
      aborted.abort()
    },
    problems,
  }
}

/** Everything in a file is safe, as the file is the buffer. Some lines come in two writes. */
export function startFileActor(folder: string, options: ActorOptions): Actor {
  const { checker, random } = options
  const pen = createPen('files', options)
  const stopped = new AbortController()
  const path = join(folder, 'app.log')
  let file = openSync(path, 'a')
  let rotations = 0

  const writing = paced(options, stopped.signal, async (count) => {
    const { from, to, text } = pen.write(count)
    if (random.chance(0.1)) {
      const half = random.integer(1, text.length - 1)
      writeSync(file, text.slice(0, half))
      await delay(random.integer(1, 50))
      writeSync(file, text.slice(half))
    } else writeSync(file, text)
    checker.toldSafe('files', from, to)
    if (random.chance(0.05)) {
      closeSync(file)
      rotations += 1
      renameSync(path, `${path}.${rotations}`)
      file = openSync(path, 'a')
    }
  }).finally(() => closeSync(file))
  return {
    async finish() {
      stopped.abort()
      await writing
    },
    abort: () => stopped.abort(),
    problems: [],
  }
}

interface Connection {
  socket: Socket
  from: number
  to: number
  /** Of all its events, as the sender said at some moments. */
  collected: { at: number; count: number }[]
}

interface SenderView {
  /** What the sender says that it has collected in this life of its. */
  collected(this: void): Promise<number | undefined>
  /** When it was killed or asked to end last, as performance.now() has it; Infinity before that. */
  endedAt(this: void): number
}

/** Between the sender's count and the fsync of what it counts, ms; many times what a small disk takes. */
const onDiskAfter = 1000
const lookEvery = 100

/** One connection is all that the sender has in its life, as it alone breaks it. */
function lookAt(
  open: () => Connection | undefined,
  collected: () => Promise<number | undefined>,
): () => void {
  const timer = setInterval(() => {
    const connection = open()
    collected().then(
      (count) => {
        if (connection !== undefined && count !== undefined)
          connection.collected.push({ at: performance.now(), count })
      },
      // It is down, or hangs.
      () => undefined,
    )
  }, lookEvery)
  return () => clearInterval(timer)
}

/**
 * Nobody tells a stream what is safe, so the checker hears where each connection began, ended, and how; and what the
 * sender says that it has collected, which is on its disk a little later.
 */
export function startTcpActor(
  target: { host: string; port: number },
  options: ActorOptions & SenderView,
): Actor {
  const { checker } = options
  const pen = createPen('tcp', options)
  const stopped = new AbortController()
  let open: Connection | undefined
  let ending = false
  const stopLooking = lookAt(() => open, options.collected)

  function leave(broken: boolean): void {
    if (open && open.to > open.from) {
      const { from, to, collected } = open
      checker.stretch('tcp', from, to, broken)
      const since = Math.min(performance.now(), options.endedAt()) - onDiskAfter
      const safe = collected.findLast(({ at }) => at <= since)?.count ?? 0
      checker.toldSafe('tcp', from, Math.min(to, from + safe))
    }
    open = undefined
  }

  async function connected(): Promise<Socket | undefined> {
    while (open === undefined && !stopped.signal.aborted) {
      const socket = connect(target)
      try {
        await once(socket, 'connect')
        open = { socket, from: -1, to: -1, collected: [] }
        socket.on('error', () => socket.destroy())
        socket.on('close', () => leave(!ending || socket.errored !== null))
        socket.resume()
      } catch {
        // Down, or not up yet.
        await delay(again)
      }
    }
    return open?.socket
  }

  const writing = paced(options, stopped.signal, async (count) => {
    const socket = await connected()
    if (socket === undefined || open === undefined) return
    const { from, to, text } = pen.write(count)
    open.from = open.from === -1 ? from : open.from
    open.to = to
    if (socket.write(text)) return
    await Promise.race([once(socket, 'drain'), once(socket, 'close')]).catch(() => undefined)
  })
  return {
    async finish() {
      stopped.abort()
      await writing
      stopLooking()
      const socket = open?.socket
      if (socket === undefined) return
      ending = true
      const closed = new Promise((resolve) => socket.once('close', resolve))
      socket.end()
      await closed
    },
    abort() {
      stopped.abort()
      stopLooking()
      open?.socket.destroy()
    },
    problems: [],
  }
}
