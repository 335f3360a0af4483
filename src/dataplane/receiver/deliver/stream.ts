/**
 * Newline-delimited events over one TCP or Unix connection. No acknowledgement exists there: delivered means handed to
 * the kernel, so what the application had not read when it died is lost.
 */
import { connect, type NetConnectOpts, type Socket } from 'node:net'
import { messageOf } from '../../../errors.ts'
import type { Events } from '../../wire/events.ts'
import { delivered, failed, outOfTime, type Deliverer, type DeliveryResult } from './deliverer.ts'
import { createTurns } from './turns.ts'

export function createStreamDeliverer(target: NetConnectOpts): Deliverer {
  const turns = createTurns(1)
  let socket: Socket | undefined

  function opened(deadline: number): Promise<Socket> {
    if (socket !== undefined) return Promise.resolve(socket)
    return new Promise((resolve, reject) => {
      const fresh = connect(target)
      const timer = setTimeout(
        () => fresh.destroy(new Error('no connection in time')),
        left(deadline),
      )
      fresh.setNoDelay(true)
      fresh.setKeepAlive(true, 10_000)
      // Read and dropped: else the end of the other side would never be seen.
      fresh.resume()
      fresh.once('connect', () => {
        clearTimeout(timer)
        socket = fresh
        resolve(fresh)
      })
      fresh.once('error', reject)
      fresh.once('close', () => {
        clearTimeout(timer)
        if (socket === fresh) socket = undefined
        reject(new Error('the connection was closed'))
      })
    })
  }

  async function write(events: Events, deadline: number): Promise<DeliveryResult> {
    let open: Socket
    try {
      open = await opened(deadline)
    } catch (error) {
      return failed(messageOf(error))
    }
    return new Promise((resolve) => {
      const close = (): void => resolve(failed('the connection was closed'))
      const timer = setTimeout(() => {
        // Half an event may have gone, so this connection can carry no other.
        resolve(outOfTime)
        open.destroy()
      }, left(deadline))
      open.once('close', close)
      open.write(events.body, (error) => {
        clearTimeout(timer)
        open.removeListener('close', close)
        resolve(error === null || error === undefined ? delivered : failed(messageOf(error)))
      })
    })
  }

  return {
    deliver: (events, deadline) => turns.run(deadline, () => write(events, deadline)),
    async close() {
      await turns.idle()
      const open = socket
      if (open === undefined) return
      await new Promise<void>((resolve) => {
        open.once('close', resolve)
        open.end()
        setTimeout(() => open.destroy(), 1000).unref()
      })
    },
  }
}

function left(deadline: number): number {
  return Math.max(1, deadline - performance.now())
}
