/**
 * The reconcile loop of the small controllers that stand in Kubernetes' place (workloads, endpoints, issuer). Objects that
 * change put keys on a queue; a key is worked on by one run at a time, and again when it changed meanwhile. A run that
 * fails comes back after 0.1 s, doubling to 5 s.
 */
import { messageOf } from '../errors.ts'
import type { Kind, KubeObject } from '../api/objects.ts'
import type { Cluster } from '../kube/cluster.ts'
import type { Log } from '../telemetry/log.ts'

export interface Loop {
  /** Resolves once no run is under way any more. */
  stop(): Promise<void>
}

interface LoopSource {
  kind: Kind
  /** Keys that an object's change puts on the queue. */
  keys: (object: KubeObject) => string[]
}

interface Entry {
  running: Promise<void> | undefined
  dirty: boolean
  failures: number
  timer: NodeJS.Timeout | undefined
}

export function startLoop(input: {
  cluster: Cluster
  log: Log
  name: string
  sources: LoopSource[]
  /** Works on one key; returns after how many milliseconds it wants to be asked again, if at all. */
  reconcile: (key: string) => Promise<number | undefined>
}): Loop {
  const { cluster, log, name, sources, reconcile } = input
  const entries = new Map<string, Entry>()
  let stopped = false

  const enqueue = (key: string): void => {
    if (stopped) return
    const entry = entries.get(key) ?? {
      running: undefined,
      dirty: false,
      failures: 0,
      timer: undefined,
    }
    entries.set(key, entry)
    clearTimeout(entry.timer)
    entry.timer = undefined
    if (entry.running) {
      entry.dirty = true
      return
    }
    entry.running = run(key, entry).finally(() => {
      entry.running = undefined
      if (entry.dirty) {
        entry.dirty = false
        enqueue(key)
      } else if (entry.timer === undefined) entries.delete(key)
    })
  }

  const run = async (key: string, entry: Entry): Promise<void> => {
    // One turn of the event loop later, so that a burst of changes is one run.
    await new Promise((resolve) => setImmediate(resolve))
    if (stopped) return
    let again: number | undefined
    try {
      again = await reconcile(key)
      entry.failures = 0
    } catch (error) {
      again = Math.min(5000, 100 * 2 ** entry.failures)
      entry.failures += 1
      log.warn({ loop: name, key, error: messageOf(error) }, 'cannot reconcile, will try again')
    }
    if (again !== undefined && !stopped && !entry.dirty) {
      entry.timer = setTimeout(() => enqueue(key), Math.min(again, 2 ** 31 - 1))
    }
  }

  const subscriptions = sources.map(({ kind, keys }) =>
    cluster.watch(kind, {}, ({ object }) => {
      for (const key of keys(object)) enqueue(key)
    }),
  )
  return {
    async stop() {
      stopped = true
      for (const each of subscriptions) each.stop()
      for (const entry of entries.values()) clearTimeout(entry.timer)
      await Promise.all([...entries.values()].map(async (entry) => entry.running))
    },
  }
}
