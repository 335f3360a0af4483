/**
 * Writes to a file descriptor, the program's standard output. Not through process.stdout: its writes to a pipe are
 * synchronous on Linux, so a reader that stops would stop the whole program, health endpoints included.
 */
import { write } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { messageOf } from '../../../errors.ts'
import type { Events } from '../../wire/events.ts'
import { delivered, failed, type Deliverer, type DeliveryResult } from './deliverer.ts'
import { createTurns } from './turns.ts'

/** How often a pipe that is set non-blocking, and full, is tried again. */
const fullPipePause = 5

const nothing: Buffer = Buffer.alloc(0)

export function createDescriptorDeliverer(descriptor: number): Deliverer {
  const turns = createTurns(1)
  /** What is still to be written of an event whose beginning is out already. */
  let rest = nothing

  /** Resolves when all is handed to the kernel, however long the reader takes. */
  async function writeAll(bytes: Buffer): Promise<void> {
    let offset = 0
    try {
      while (offset < bytes.length) offset += await writeSome(descriptor, bytes.subarray(offset))
    } finally {
      if (offset > 0) {
        const whole = offset === bytes.length || bytes[offset - 1] === 0x0a
        rest = whole ? nothing : bytes.subarray(offset, bytes.indexOf(0x0a, offset) + 1)
      }
    }
  }

  async function deliver(events: Events): Promise<DeliveryResult> {
    try {
      if (rest.length > 0) await writeAll(rest)
      await writeAll(events.body)
      return delivered
    } catch (error) {
      return failed(`standard output: ${messageOf(error)}`)
    }
  }

  return {
    // A write that has begun cannot be called back, so it may outlast the deadline.
    deliver: (events, deadline) => turns.run(deadline, () => deliver(events)),
    close: () => turns.idle(),
  }
}

async function writeSome(descriptor: number, bytes: Buffer): Promise<number> {
  for (;;) {
    try {
      return await new Promise<number>((resolve, reject) => {
        write(descriptor, bytes, (error, count) =>
          error === null ? resolve(count) : reject(error),
        )
      })
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EAGAIN')) throw error
      await sleep(fullPipePause)
    }
  }
}
