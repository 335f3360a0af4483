/** One pool for each host. A change of address, name or TLS settings makes a new pool; the old one is retired. */
import { isDeepStrictEqual } from 'node:util'
import type { Security } from '../security.ts'
import { authorityOf, type Target } from '../hosts/targets.ts'
import type { Timeouts } from '../timeouts.ts'
import { createHostPool, type HostPool } from './host-pool.ts'

export interface Pools {
  /** Takes the whole new list and the present TLS settings. */
  sync(targets: readonly Target[], security: Security, serverName: string | undefined): void
  get(id: string): HostPool | undefined
  destroy(): void
}

export function createPools({
  random,
  timeouts,
}: {
  random: () => number
  timeouts: Timeouts
}): Pools {
  const pools = new Map<string, { pool: HostPool; madeFor: unknown }>()
  const retired = new Set<HostPool>()

  function retire(pool: HostPool): void {
    pool.retire()
    retired.add(pool)
    void pool.idle.then(() => retired.delete(pool))
  }

  return {
    sync(targets, security, serverName) {
      const wanted = new Map(targets.map((target) => [target.id, target]))
      const generation = security.generation()
      for (const [id, { pool, madeFor }] of pools) {
        const target = wanted.get(id)
        if (target && isDeepStrictEqual(madeFor, madeOf(target))) continue
        pools.delete(id)
        retire(pool)
      }
      for (const target of targets) {
        if (pools.has(target.id)) continue
        const { address, port, name } = target
        const pool = createHostPool({
          address,
          port,
          tls: security.connection(serverName ?? security.serverName ?? name),
          authority: authorityOf(name, port),
          timeouts,
          random,
        })
        pools.set(target.id, { pool, madeFor: madeOf(target) })
      }

      function madeOf({ name }: Target): unknown {
        return { name, serverName, generation, security }
      }
    },
    get: (id) => pools.get(id)?.pool,
    destroy() {
      for (const { pool } of pools.values()) pool.destroy()
      for (const pool of retired) pool.destroy()
    },
  }
}
