/** Events through each receiver, from its /metrics; a counter that begins anew after a restart goes on from where it was. */
import { request } from 'undici'

export interface ReceiverRates {
  /** Events per second since the last look, in the order of the receivers; undefined where one does not answer. */
  look(): Promise<(number | undefined)[]>
  /** Events so far. */
  totals(): number[]
}

const metric = /^logstash_link_receiver_events_total(?:\{[^}]*\})? (\S+)$/m

/** @param health base URLs of the receivers' health endpoints */
export function watchReceivers(health: readonly string[]): ReceiverRates {
  const receivers = health.map((url) => ({ url, before: 0, last: 0, total: 0 }))
  let lookedAt = performance.now()
  return {
    async look() {
      const now = performance.now()
      const seconds = (now - lookedAt) / 1000
      lookedAt = now
      return Promise.all(
        receivers.map(async (receiver) => {
          const count = await eventsOf(receiver.url)
          if (count === undefined) return undefined
          if (count < receiver.last) receiver.before += receiver.last
          receiver.last = count
          const rate = (receiver.before + count - receiver.total) / seconds
          receiver.total = receiver.before + count
          return Math.max(0, Math.round(rate))
        }),
      )
    },
    totals: () => receivers.map(({ total }) => total),
  }
}

async function eventsOf(url: string): Promise<number | undefined> {
  try {
    const { body } = await request(`${url}/metrics`, { headersTimeout: 2000 })
    return Number(metric.exec(await body.text())?.[1] ?? 0)
  } catch {
    // A receiver that was killed answers nothing until it is back: the screen shows that as such.
    return undefined
  }
}
