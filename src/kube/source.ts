/** What one or several watches of the same scope have in common: the store, and who is told of changes. */
import type { Log } from '../telemetry/log.ts'
import type { CacheMetrics } from './cache-metrics.ts'
import type { Subscription, WatchEvent } from './cluster.ts'
import type { Scope } from './scope.ts'
import { createObjectStore, type ObjectStore } from './store.ts'

export interface Source {
  scope: Scope
  store: ObjectStore
  /** Its store may be read in place of the cluster. */
  isReadable(): boolean
  isSynced(): boolean
  /** Why it does not hear of changes now. */
  problem(): string | undefined
  join(handler: (event: WatchEvent) => void): Subscription
  /** What was just written oneself is in the store: an answer to an older question is not. */
  outdate(): void
}

/** How a source is fed; `stop` is called when nobody listens any more. */
export interface Feed {
  refresh(): void
  outdate(): void
  stop(): void
}

export interface SourceState {
  store: ObjectStore
  synced: () => void
  problem: (problem: string | undefined) => void
}

export function createSource(options: {
  scope: Scope
  log: Log
  metrics: CacheMetrics
  open: (state: SourceState) => Feed
  onEmpty: () => void
}): Source {
  const { scope, log, metrics } = options
  const handlers = new Set<(event: WatchEvent) => void>()
  const { promise: whenSynced, resolve } = Promise.withResolvers<void>()
  let synced = false
  let problem: string | undefined = 'nothing was heard yet'

  const hand = (handler: (event: WatchEvent) => void, event: WatchEvent) => {
    try {
      handler(event)
    } catch (error) {
      metrics.handlerFailed()
      log.error({ kind: scope.kind.kind, err: error }, 'A handler of watch events failed')
    }
  }

  const store = createObjectStore((event) => {
    for (const handler of handlers) hand(handler, event)
  })
  const feed = options.open({
    store,
    synced() {
      synced = true
      resolve()
    },
    problem(told) {
      problem = told
    },
  })

  let joined = 0
  const leave = () => {
    joined -= 1
    if (joined > 0) return
    feed.stop()
    resolve()
    options.onEmpty()
  }

  return {
    scope,
    store,
    isReadable: () => synced && store.progress() !== undefined,
    isSynced: () => synced,
    problem: () => problem,
    outdate: () => feed.outdate(),
    join(given) {
      // Of its own for each: the same function may join twice.
      const handler = (event: WatchEvent) => given(event)
      let stopped = false
      joined += 1
      // Not within the caller's turn, as with any other change.
      setImmediate(() => {
        if (stopped) return
        for (const object of [...store.values()]) hand(handler, { type: 'ADDED', object })
        handlers.add(handler)
      })
      return {
        synced: whenSynced.then(() => new Promise((done) => setImmediate(done))),
        refresh: () => feed.refresh(),
        stop() {
          if (stopped) return
          stopped = true
          handlers.delete(handler)
          leave()
        },
      }
    },
  }
}
