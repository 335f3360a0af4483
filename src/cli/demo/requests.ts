/** Real HTTP requests to the web pods. */
import { Pool } from 'undici'

const connectionsPerPod = 24
const paths = ['/', '/orders', '/orders/42', '/cart', '/products?page=2', '/missing', '/checkout']

/** So many requests, or as many as the time allows. */
export interface Amount {
  total: number
  limitMs: number
}

export interface RequestRun {
  /** Answered so far; each answer stands for one event that was taken. */
  answered(): number
  /** Resolves when all are answered; rejects at the first that is not. */
  done: Promise<void>
}

/** @param urls base URLs, taken in turn */
export function sendRequests(
  urls: readonly string[],
  { total, limitMs }: Amount,
  signal: AbortSignal,
): RequestRun {
  const deadline = performance.now() + limitMs
  let asked = 0
  let answered = 0
  // An answer waits until the event was delivered, so that a receiver's restart may hold it up for a while.
  const pools = urls.map(
    (url) => new Pool(url, { connections: connectionsPerPod, headersTimeout: 60_000 }),
  )
  const client = async (pool: Pool): Promise<void> => {
    while (asked < total && performance.now() < deadline) {
      const path = paths[asked % paths.length] ?? '/'
      asked += 1
      const { body } = await pool.request({ method: 'GET', path, signal })
      await body.dump()
      answered += 1
    }
  }
  const clients = pools.flatMap((pool) =>
    Array.from({ length: connectionsPerPod }, async () => client(pool)),
  )
  return {
    answered: () => answered,
    done: Promise.all(clients).then(async () => {
      await Promise.all(pools.map(async (pool) => pool.close()))
    }),
  }
}
