/** Hosts, TLS and pools kept in step with each other and with the settings, the balancer told of every change. */
import { isDeepStrictEqual } from 'node:util'
import type { SenderSettings } from '../../api/sidecar-config.ts'
import { messageOf } from '../../errors.ts'
import type { Log } from '../../telemetry/log.ts'
import type { Balancer } from '../balancer/balancer.ts'
import type { Watched } from '../files/watched.ts'
import type { Environment } from '../tls/secret.ts'
import type { HostHealth } from './host-health.ts'
import { openHostBook } from './hosts/book.ts'
import type { Lookup } from './hosts/targets.ts'
import type { HostPool } from './pool/host-pool.ts'
import { createPools } from './pool/pools.ts'
import { openSecurity } from './security.ts'
import type { Timeouts } from './timeouts.ts'

export interface Connections {
  pool(host: string): HostPool | undefined
  authorization(): string | undefined
  /** False while TLS files or credentials that the settings name are missing. */
  canSend(): boolean
  securityProblem(): string | undefined
  /** Of files of TLS alone. */
  tlsProblem(): string | undefined
  /** Of the sender's own certificate; undefined without one. */
  certificateExpiry(): Date | undefined
  certificateFingerprint(): string | undefined
  bookProblem(): string | undefined
  /** A host fails: time to look where hosts are now. */
  failing(): void
  close(): void
}

export interface ConnectionsDeps {
  log: Log
  env: Environment
  lookup: Lookup
  now: () => number
  random: () => number
  timeouts: Timeouts
  balancer: Balancer
  health: HostHealth
  onChange: () => void
}

export async function createConnections(
  settings: Watched<SenderSettings>,
  deps: ConnectionsDeps,
): Promise<Connections> {
  const { log, env, lookup, now, random, timeouts, balancer, health, onChange } = deps
  const pools = createPools({ random, timeouts })
  let closed = false
  let ready = false

  let applied = settings.current
  let book = await openBook(applied)
  let security = await openTls(applied)
  update()
  // From here on the caller hears of changes; before, it is not ready to.
  ready = true

  function openBook({ hosts }: SenderSettings) {
    return openHostBook(hosts, { log, lookup, now, onChange: sync })
  }

  function openTls({ tls, auth }: SenderSettings) {
    return openSecurity({ tls, ...(auth ? { auth } : {}) }, { log, env, onChange: sync })
  }

  function sync(): void {
    if (closed || !ready) return
    update()
    onChange()
  }

  function update(): void {
    const { balancing, pod } = settings.current
    const targets = book.targets()
    const zone = book.zoneOf(pod?.node)
    balancer.configure({ ...balancing, ...(zone === undefined ? {} : { zone }) })
    balancer.setHosts(
      targets.map((target) => ({
        id: target.id,
        ...(target.zone === undefined ? {} : { zone: target.zone }),
      })),
      random(),
    )
    health.keepOnly(new Set(balancer.states().map(({ id }) => id)))
    if (security.generation() !== undefined) pools.sync(targets, security, book.serverName())
  }

  /** What changed is opened before the old one is closed, so that nothing stands still meanwhile. */
  async function apply(): Promise<void> {
    const next = settings.current
    if (!closed && !isDeepStrictEqual(next.hosts, applied.hosts)) {
      const opened = await openBook(next)
      // close() may have come meanwhile, and knew nothing of it.
      if (closed) return opened.close()
      book.close()
      book = opened
    }
    if (!closed && !isDeepStrictEqual([next.tls, next.auth], [applied.tls, applied.auth])) {
      const opened = await openTls(next)
      if (closed) return opened.close()
      security.close()
      security = opened
    }
    applied = next
    sync()
  }

  let applying: Promise<void> = Promise.resolve()
  const endSettings = settings.onChange(() => {
    applying = applying.then(apply).catch((error: unknown) => {
      log.error({ problem: messageOf(error) }, 'New settings could not be applied')
    })
  })

  return {
    pool: (host) => pools.get(host),
    authorization: () => security.authorization(),
    canSend: () => security.generation() !== undefined,
    securityProblem: () => security.problem(),
    tlsProblem: () => security.tlsProblem(),
    certificateExpiry: () => security.certificateExpiry(),
    certificateFingerprint: () => security.certificateFingerprint(),
    bookProblem: () => book.problem(),
    failing: () => book.failing(balancer.allOut()),
    close() {
      closed = true
      endSettings()
      book.close()
      security.close()
      pools.destroy()
    },
  }
}
