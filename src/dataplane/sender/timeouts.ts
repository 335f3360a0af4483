import type { ExchangeLimits } from '../http/exchange.ts'

/**
 * How long the sender waits for what, ms. They nest: a receiver gives its application 8 s, so that its own answer comes
 * within `response`, and a second try at another host still fits into `delivery`.
 */
export interface Timeouts extends ExchangeLimits {
  /** collect.http: until a request that finds no room is answered 429. */
  room: number
  /** collect.http: until a request that is not delivered is answered 503. */
  delivery: number
  /** Longest life of a connection to a host; up to a fifth is taken off by chance. */
  connectionAge: number
}

export const defaultTimeouts: Timeouts = {
  connect: 3_000,
  response: 10_000,
  room: 1_000,
  delivery: 25_000,
  connectionAge: 10 * 60_000,
}
