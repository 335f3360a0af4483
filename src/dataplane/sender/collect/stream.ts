/**
 * Newline-delimited events from a stream: stdin, or a connection of collect.tcp. No acknowledgement exists, so the way to
 * slow the other side down is not to read.
 *
 * | how it ends           | what was read                | a last line without newline                     |
 * |-----------------------|------------------------------|-------------------------------------------------|
 * | the other side's end  | committed                    | is an event                                     |
 * | it breaks             | committed                    | is an event: nobody will send the rest of it    |
 * | we stop               | committed to its last newline| no event: half of one would pass for a whole one|
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
  /** Takes no more than was read already. */
  stop(): void
  /** Events that were read and are not committed, after `stop`; the beginning of a line counts as one. */
  untaken(): number
}

export function collectStream(stream: Readable, deps: StreamDeps): CollectedStream {
  const { intake, collected, maxLine, source, log } = deps
  const reader = createLineReader({ maxLine, tagMalformed: false, now: () => new Date() })
  /** Bytes of the line whose end has not come, and how many of them are counted as held. */
  let unfinished = 0
  let held = 0
  /** Events that wait for room. */
  let waiting = 0
  /** What Node had read when we stopped. */
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
    while (!stopping.signal.aborted) {
      const chunk = readFrom(stream)
      if (chunk) {
        await push(chunk)
        if (!(await roomToRead())) return
      } else if (stream.readableEnded || stream.destroyed) return
      else await somethingHappens()
    }
  }

  async function run(): Promise<'ended' | 'stopped'> {
    await read()
    if (stopping.signal.aborted) {
      drain()
      // Node tells of an end that it knows already one turn later.
      await setImmediate()
      drain()
    }
    const { errored, readableEnded } = stream
    const stopped = stopping.signal.aborted && !readableEnded && !errored
    stream.destroy()
    if (errored) log.warn({ source, problem: messageOf(errored) }, 'A stream of events broke')
    for (let chunk = rest.shift(); chunk; chunk = rest.shift()) await push(chunk)
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
