/**
 * Newline-delimited events from a stream: stdin, or a connection of collect.tcp. No acknowledgement exists, so the way to
 * slow the other side down is not to read.
 */
import type { Readable } from 'node:stream'
import { messageOf } from '../../../errors.ts'
import type { Log } from '../../../telemetry/log.ts'
import { newline } from '../../wire/events.ts'
import { createLineReader, type LineReaderOutput } from '../../wire/lines.ts'
import type { Intake } from '../intake.ts'
import type { Collected } from './collected.ts'

export interface StreamDeps {
  intake: Intake
  collected: Collected
  maxLine: number
  /** As logs and dead letters name it. */
  source: string
  log: Log
}

/**
 * Resolves once all that was read is committed, whether the stream ended, broke or was destroyed. A last line without
 * newline is taken.
 */
export async function collectStream(stream: Readable, deps: StreamDeps): Promise<void> {
  const { intake, collected, maxLine, source, log } = deps
  const reader = createLineReader({ maxLine, tagMalformed: false, now: () => new Date() })
  let held = 0

  async function take(output: LineReaderOutput): Promise<void> {
    const { events, oversized } = collected.finish(output)
    await collected.setAside(oversized, source)
    if (events.length === 0) return
    while (!intake.offer(events)) await intake.room()
  }

  function hold(bytes: number): void {
    intake.hold(bytes - held)
    held = bytes
  }

  try {
    for await (const piece of stream) {
      const chunk = piece as Buffer
      const end = chunk.lastIndexOf(newline)
      const carried = end === -1 ? held + chunk.length : chunk.length - 1 - end
      hold(Math.min(carried, maxLine))
      await take(reader.push(chunk))
      while (!intake.mayStream(held)) {
        if (intake.isStuck()) {
          log.error({ source }, 'Unfinished lines fill the memory; giving up on this stream')
          break
        }
        await intake.room()
      }
      if (intake.isStuck()) break
    }
  } catch (error) {
    // A stream that we destroyed ourselves, on stop, ends like this too.
    if (!isPremature(error))
      log.warn({ source, problem: messageOf(error) }, 'A stream of events broke')
  }
  await take(reader.finish())
  hold(0)
}

function isPremature(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_STREAM_PREMATURE_CLOSE'
}
