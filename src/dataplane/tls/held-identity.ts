/**
 * A new certificate that hangs on a new authority waits until the other side has been told of that authority, for the two
 * come to the pods on ways of their own, and in any order.
 *
 *  the authority of the new certificate              | it is taken up
 *  --------------------------------------------------+------------------------------------------------
 *  has stood in the bundle from the start            | at once
 *  came into the bundle later                        | two minutes after that
 *  does not stand in the bundle                      | five minutes before the old one ends
 *  is not known (no bundle, or an empty one)         | at once
 *
 * Without an old one there is nothing to wait with, and what is there is used.
 */
import { X509Certificate } from 'node:crypto'
import type { Log } from '../../telemetry/log.ts'
import { changeable } from '../files/watched.ts'
import type { Identity } from './identity.ts'
import type { Reloading } from './reloading.ts'
import type { Trust } from './trust.ts'

export interface HoldOptions {
  /** For the log: `tls.identity`. */
  what: string
  log: Log
  now: () => Date
  /** How long an authority is to stand in the bundle; 2 minutes unless told otherwise. */
  holdMs?: number
}

const defaultHoldMs = 2 * 60_000
/** Before the end of what is held on to. */
const lastMs = 5 * 60_000
/** Timers are limited, and clocks are set. */
const longestTimer = 60 * 60_000

/** Closes both with itself. */
export function holdIdentity(
  newest: Reloading<Identity>,
  bundle: Reloading<Trust>,
  { what, log, now, holdMs = defaultHoldMs }: HoldOptions,
): Reloading<Identity> {
  const held = changeable(newest.current)
  /** PEM → since when it has stood in the bundle, ms; from the start: for ever. */
  let since = new Map((bundle.current?.ca ?? []).map((pem) => [pem, Number.NEGATIVE_INFINITY]))
  let waiting: string | undefined
  let timer: NodeJS.Timeout | undefined

  const decide = () => {
    clearTimeout(timer)
    const next = newest.current
    if (next === undefined || next === held.current) return
    const wait = held.current === undefined ? 0 : waitFor(next, held.current)
    if (wait > 0) {
      if (waiting !== next.fingerprint) {
        log.info(
          { what, fingerprint: next.fingerprint },
          'A new certificate waits for its authority',
        )
      }
      waiting = next.fingerprint
      timer = setTimeout(decide, Math.min(wait, longestTimer)).unref()
      return
    }
    waiting = undefined
    held.set(next)
  }

  const waitFor = (next: Identity, old: Identity): number => {
    const at = now().getTime()
    if (since.size === 0) return 0
    const chain = chainOf(next)
    const known = [...since].filter(([pem]) => isVouchedFor(chain, new X509Certificate(pem)))
    const distributed = Math.min(...known.map(([, from]) => from + holdMs))
    return Math.min(distributed, old.notAfter.getTime() - lastMs) - at
  }

  const stopIdentity = newest.onChange(decide)
  const stopBundle = bundle.onChange(() => {
    const at = now().getTime()
    since = new Map((bundle.current?.ca ?? []).map((pem) => [pem, since.get(pem) ?? at]))
    decide()
  })

  return {
    get current() {
      return held.current
    },
    get problem() {
      return newest.problem
    },
    onChange: (listener) => held.onChange(() => listener()),
    close: () => {
      clearTimeout(timer)
      stopIdentity()
      stopBundle()
      newest.close()
      bundle.close()
    },
  }
}

const block = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g

function chainOf({ options }: Identity): X509Certificate[] {
  return (options.cert.match(block) ?? []).map((pem) => new X509Certificate(pem))
}

/** Some certificate of the chain is the authority, or signed by it. */
function isVouchedFor(chain: readonly X509Certificate[], authority: X509Certificate): boolean {
  return chain.some(
    (each) =>
      each.fingerprint256 === authority.fingerprint256 ||
      (each.checkIssued(authority) && each.verify(authority.publicKey)),
  )
}
