/**
 * When to listen, and with what: as soon as there is an identity, with each new one from then on, and anew on the same
 * port when TLS is switched or asks something else of clients. Until there is trust, no client certificate passes.
 */
import type { ReceiverSettings } from '../../api/sidecar-config.ts'
import { messageOf } from '../../errors.ts'
import type { Log } from '../../telemetry/log.ts'
import type { Watched } from '../files/watched.ts'
import { openIdentity, type Identity } from '../tls/identity.ts'
import type { Reloading } from '../tls/reloading.ts'
import type { Environment } from '../tls/secret.ts'
import type { ServerTls } from '../tls/server-context.ts'
import { openTrust, type Trust } from '../tls/trust.ts'
import { follow } from '../files/followed.ts'
import {
  listen,
  listenerTimeouts,
  type Listener,
  type ListenerOptions,
  type ListenerTimeouts,
} from './listener.ts'
import type { ReceiverMetrics } from './metrics.ts'

export interface Door {
  /** The setting until it listens. */
  readonly port: number
  readonly listening: boolean
  readonly connections: number
  /** What new connections are shown. Undefined with TLS off, and until there is one. */
  readonly identity: Identity | undefined
  /** False while client certificates are asked for and there is no trust yet to verify them by. */
  readonly knowsClients: boolean
  /** What of TLS it waits for, or what is wrong with the files of TLS by now. */
  readonly tlsProblem: string | undefined
  /** Why it does not listen, or what `tlsProblem` says. */
  readonly problem: string | undefined
  /** Resolves when the last connection has ended. */
  stopAccepting(): Promise<void>
  /** Ends all connections, and the watch over files. */
  close(): Promise<void>
}

interface DoorDependencies {
  env: Environment
  log: Log
  metrics: ReceiverMetrics
  handle: ListenerOptions['handle']
  hit: ListenerOptions['hit']
  timeouts?: ListenerTimeouts
}

interface TlsFiles {
  identity: Reloading<Identity> | undefined
  trust: Reloading<Trust> | undefined
}

const retryListening = 1000

/** Throws LSL_LISTEN_FAILED when it could listen and the address cannot be had. */
export async function openDoor(
  settings: Watched<ReceiverSettings>,
  { env, log, metrics, handle, hit, timeouts = listenerTimeouts }: DoorDependencies,
): Promise<Door> {
  let listener: Listener | undefined
  /** Listeners of former terms, until their last connection has ended. */
  const retired = new Set<Listener>()
  /** What the listener was made for; another needs another listener. */
  let mode: string | undefined
  /** Kept over a change of listeners, where the setting asks for any free port. */
  let bound: number | undefined
  let served: Identity | undefined
  let failure: string | undefined
  let retry: NodeJS.Timeout | undefined
  let stopped = false
  let turn = Promise.resolve()

  const files = await follow(
    settings,
    ({ tls }) => tls,
    async (tls): Promise<TlsFiles> => {
      if (!tls.enabled) return { identity: undefined, trust: undefined }
      const identity = await openIdentity(tls.identity, { env, log })
      const trust =
        tls.clientAuthentication === 'None' || tls.clientTrust === undefined
          ? undefined
          : await openTrust(tls.clientTrust, { env, log, setting: 'tls.clientTrust' })
      identity.onChange(update)
      trust?.onChange(update)
      return { identity, trust }
    },
    ({ identity, trust }) => {
      identity?.close()
      trust?.close()
    },
    (error) => log.error({ err: error }, 'Changed TLS settings cannot be taken up'),
  )

  /** Undefined with TLS off; 'waiting' while there is no identity, not even one of the settings before. */
  function wanted(): ServerTls | undefined | 'waiting' {
    const { tls } = settings.current
    if (!tls.enabled) return undefined
    const identity = files.current.identity?.current ?? served
    if (identity === undefined) return 'waiting'
    const clientTrust = files.current.trust?.current
    return { identity, clientAuthentication: tls.clientAuthentication, clientTrust }
  }

  async function apply(): Promise<void> {
    clearTimeout(retry)
    if (stopped) return
    const { host, port, limits, tls } = settings.current
    const nextMode = tls.enabled ? tls.clientAuthentication : 'plain'
    if (listener !== undefined && mode !== nextMode) {
      // Also where the new mode has to wait: nobody is let in on terms that no longer hold.
      const replaced = listener
      retired.add(replaced)
      void replaced.retire().then(() => retired.delete(replaced))
      listener = undefined
    }
    const next = wanted()
    if (next === 'waiting') return
    if (listener === undefined) {
      listener = await listen({
        host,
        port: bound ?? port,
        maxConnections: limits.maxConnections,
        tls: next,
        handle,
        hit,
        metrics,
        log,
        timeouts,
      })
      mode = nextMode
      bound = listener.port
      log.info({ host, port: bound, tls: next !== undefined }, 'Listening for events')
    } else {
      listener.setMaxConnections(limits.maxConnections)
      if (next !== undefined) listener.setTls(next)
    }
    served = next?.identity
    failure = undefined
  }

  function update(): void {
    turn = turn.then(apply).catch((error: unknown) => {
      const message = messageOf(error)
      if (message !== failure) log.error({ err: error }, 'Cannot listen for events')
      failure = message
      retry = setTimeout(update, retryListening)
    })
  }

  const stopListening = settings.onChange(() => {
    // After `files` has followed the change.
    void files.settled().then(update)
  })
  try {
    await apply()
  } catch (error) {
    stopListening()
    await files.close()
    throw error
  }

  function listeners(): Listener[] {
    return listener === undefined ? [...retired] : [listener, ...retired]
  }

  function knowsClients(): boolean {
    const { tls } = settings.current
    const asks = tls.enabled && tls.clientAuthentication !== 'None'
    return !asks || files.current.trust?.current !== undefined
  }

  function tlsProblem(): string | undefined {
    if (!settings.current.tls.enabled) return undefined
    const { identity, trust } = files.current
    if (identity?.current === undefined) return waitingFor('tls.identity', identity?.problem)
    if (!knowsClients()) return waitingFor('tls.clientTrust', trust?.problem)
    return identity.problem ?? trust?.problem
  }

  return {
    get port() {
      return bound ?? settings.current.port
    },
    get listening() {
      return listener !== undefined && !stopped
    },
    get connections() {
      return listeners().reduce((sum, { connections }) => sum + connections, 0)
    },
    get identity() {
      return settings.current.tls.enabled ? served : undefined
    },
    get knowsClients() {
      return knowsClients()
    },
    get tlsProblem() {
      return tlsProblem()
    },
    get problem() {
      return failure ?? tlsProblem()
    },
    async stopAccepting() {
      stopped = true
      clearTimeout(retry)
      stopListening()
      await turn
      await Promise.all(listeners().map((each) => each.stopAccepting()))
    },
    async close() {
      for (const each of listeners()) each.destroy()
      await files.close()
    },
  }
}

function waitingFor(setting: string, why = 'it is not given'): string {
  return `Waiting for \`${setting}\`: ${why}`
}
