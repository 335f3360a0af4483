/**
 * Newline-delimited events from a stream: stdin, or a connection of collect.tcp. No acknowledgement exists, so the way to
 * slow the other side down is not to read.
 *
 * | how it ends           | what was read                | a last line without newline                     |
 * |-----------------------|------------------------------|-------------------------------------------------|
 * | the other side's end  | committed                    | is an event                                     |
 * | it breaks             | committed                    | is an event: nobody will send the rest of it    |
 * | we stop               | committed to its last newline| no event: half of one would pass for a whole one|
 *
 * When we stop, the other side may be gone already, as an application in a pod always is: what it wrote last lies in the
 * kernel, and is read to its end.
 */
import { setImmediate, setTimeout } from 'node:timers/promises'
import type { Readable } from 'node:stream'
import { messageOf } from '../../../errors.ts'
import type { Log } from '../../../telemetry/log.ts'
import { newline } from '../../wire/events.ts'
import { createLineReader, type LineReaderOutput } from '../../wire/lines.ts'
import type { Intake } from '../intake.ts'
import type { Collected } from './collected.ts'

/** Milliseconds. */
const keepAgain = 1_000
/** Of a side that goes on writing when we stop: read until it pauses so long, ms, or until so many bytes, more than kernels hold. */
const last = { pause: 50, bytes: 16 * 2 ** 20 } as const

export interface StreamDeps {
  intake: Intake
  collected: Collected
  maxLine: number
  /** As logs and dead letters name it. */
  source: string
  log: Log
}

export interface CollectedStream {
  /** Resolves once all that was read is committed. Never rejects. */
  done: Promise<'ended' | 'stopped'>
  /** Takes no more than the other side has written already. */
  stop(): void
  /** Events that were read and are not committed, after `stop`; the beginning of a line counts as one. */
  untaken(): number
  /** Closes it, whatever it still holds. */
  end(): void
}

export function collectStream(stream: Readable, deps: StreamDeps): CollectedStream {
  const { intake, collected, maxLine, source, log } = deps
  const reader = createLineReader({ maxLine, tagMalformed: false, now: () => new Date() })
  /** Bytes of the line whose end has not come, and how many of them are counted as held. */
  let unfinished = 0
  let held = 0
  /** Events that wait for room. */
  let waiting = 0
  /** What Node has read when the grace is over. */
  const rest: Buffer[] = []
  const stopping = new AbortController()
  let wake: (() => void) | undefined

  for (const event of ['readable', 'end', 'close', 'error']) stream.on(event, () => wake?.())

  function somethingHappens(): Promise<void> {
    return new Promise((resolve) => {
      wake = resolve
    })
  }

  function hold(bytes: number): void {
    intake.hold(bytes - held)
    held = bytes
  }

  async function take(output: LineReaderOutput): Promise<void> {
    const { events, oversized } = collected.finish(output)
    waiting = events.reduce((sum, { count }) => sum + count, 0)
    if (events.length > 0) while (!intake.offer(events)) await intake.room()
    waiting = oversized.length
    await keep(oversized)
    waiting = 0
  }

  /** Nothing is read while lines over the limit cannot be kept; on stop they are given up, and said to be. */
  async function keep(oversized: LineReaderOutput['oversized']): Promise<void> {
    while (!(await collected.setAside(oversized, source))) {
      if (stopping.signal.aborted) {
        log.error({ source, count: oversized.length }, 'Stopped with lines that could not be kept')
        return
      }
      const again = setTimeout(keepAgain, undefined, { signal: stopping.signal })
      // Rejects on stop alone, which the loop looks at.
      await again.catch(() => undefined)
    }
  }

  async function push(chunk: Buffer): Promise<void> {
    unfinished = unfinishedAfter(chunk, unfinished)
    hold(Math.min(unfinished, maxLine))
    await take(reader.push(chunk))
  }

  function drain(): void {
    for (let chunk = readFrom(stream); chunk; chunk = readFrom(stream)) rest.push(chunk)
  }

  /** False: give up. */
  async function roomToRead(): Promise<boolean> {
    while (!stopping.signal.aborted && !intake.mayStream(held)) {
      if (intake.isStuck()) {
        log.error({ source }, 'Unfinished lines fill the memory; giving up on this stream')
        return false
      }
      await intake.room()
    }
    return true
  }

  async function read(): Promise<void> {
    let afterStop = 0
    for (;;) {
      const chunk = readFrom(stream)
      if (chunk) {
        if (stopping.signal.aborted) afterStop += chunk.length
        await push(chunk)
        if (afterStop > last.bytes || !(await roomToRead())) return
      } else if (stream.readableEnded || stream.destroyed) return
      else if (!stopping.signal.aborted) await somethingHappens()
      else if (!(await somethingHappensSoon())) return
    }
  }

  async function somethingHappensSoon(): Promise<boolean> {
    const over = new AbortController()
    const paused = setTimeout(last.pause, false, { signal: over.signal }).catch(() => false)
    const happened = await Promise.race([somethingHappens().then(() => true), paused])
    over.abort()
    if (happened) return true
    // Where Node was held up its timers come before what it has not read yet.
    await setImmediate()
    await setImmediate()
    return stream.readableLength > 0 || stream.readableEnded
  }

  async function run(): Promise<'ended' | 'stopped'> {
    await read()
    const { errored, readableEnded } = stream
    const stopped = stopping.signal.aborted && !readableEnded && !errored
    stream.destroy()
    if (errored) log.warn({ source, problem: messageOf(errored) }, 'A stream of events broke')
    if (!stopped) {
      await take(reader.finish())
      unfinished = 0
    } else if (unfinished > 0) {
      log.warn(
        { source, bytes: unfinished },
        'Stopped in the middle of a line: its beginning is not delivered',
      )
    }
    hold(0)
    return stopped ? 'stopped' : 'ended'
  }

  const done = run()
  return {
    done,
    stop() {
      stopping.abort()
      wake?.()
      intake.wake()
    },
    untaken() {
      if (!stream.destroyed) drain()
      const ahead = rest.reduce((sum, chunk) => sum + countOf(chunk), 0)
      const torn = rest.reduce((bytes, chunk) => unfinishedAfter(chunk, bytes), unfinished)
      return waiting + ahead + Number(torn > 0)
    },
    end: () => void stream.destroy(),
  }
}

function readFrom(stream: Readable): Buffer | null {
  return stream.destroyed ? null : (stream.read() as Buffer | null)
}

function unfinishedAfter(chunk: Buffer, before: number): number {
  const end = chunk.lastIndexOf(newline)
  return end === -1 ? before + chunk.length : chunk.length - 1 - end
}

function countOf(chunk: Buffer): number {
  let count = 0
  for (let at = chunk.indexOf(newline); at !== -1; at = chunk.indexOf(newline, at + 1)) count += 1
  return count
}
