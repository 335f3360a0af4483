/**
 * When to listen, and with what: as soon as there is an identity (and trust where clients must show theirs), with each
 * new one from then on, and anew on the same port when TLS is switched or asks something else of clients.
 */
import type { ReceiverSettings } from '../../api/sidecar-config.ts'
import { messageOf } from '../../errors.ts'
import type { Log } from '../../telemetry/log.ts'
import type { Watched } from '../files/watched.ts'
import { openIdentity, type Identity } from '../tls/identity.ts'
import type { Reloading } from '../tls/reloading.ts'
import type { Environment } from '../tls/secret.ts'
import { openTrust, type Trust } from '../tls/trust.ts'
import { follow } from './followed.ts'
import { listen, type Listener, type ListenerOptions } from './listener.ts'
import type { ReceiverMetrics } from './metrics.ts'

export interface Door {
  /** The setting until it listens. */
  readonly port: number
  readonly listening: boolean
  readonly connections: number
  /** Undefined with TLS off, and until there is one. */
  readonly identity: Identity | undefined
  /** Why it does not listen, or what is wrong with the files of TLS by now. */
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
}

interface TlsFiles {
  identity: Reloading<Identity> | undefined
  trust: Reloading<Trust> | undefined
}

const retryListening = 1000

/** Throws LSL_LISTEN_FAILED when it could listen and the address cannot be had. */
export async function openDoor(
  settings: Watched<ReceiverSettings>,
  { env, log, metrics, handle }: DoorDependencies,
): Promise<Door> {
  let listener: Listener | undefined
  /** What the listener was made for; another needs another listener. */
  let mode: string | undefined
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

  /** `waiting` while something of TLS is missing. */
  function wanted(): ListenerOptions['tls'] | 'waiting' {
    const { tls } = settings.current
    if (!tls.enabled) return undefined
    const identity = files.current.identity?.current
    if (identity === undefined) return 'waiting'
    const { clientAuthentication } = tls
    if (clientAuthentication === 'None') return { material: identity.options, clientAuthentication }
    // Without a list Node would ask the system's, which is never meant for clients by default.
    const trust = files.current.trust?.current
    if (trust === undefined) return 'waiting'
    return { material: { ...identity.options, ca: trust.ca }, clientAuthentication }
  }

  async function apply(): Promise<void> {
    clearTimeout(retry)
    const tls = wanted()
    if (stopped || tls === 'waiting') return
    const { host, port, limits } = settings.current
    const nextMode = tls?.clientAuthentication ?? 'plain'
    if (listener !== undefined && mode === nextMode) {
      listener.setMaxConnections(limits.maxConnections)
      if (tls !== undefined) listener.setMaterial(tls.material)
      return
    }
    const replaced = listener
    listener = undefined
    void replaced?.stopAccepting()
    listener = await listen({
      host,
      port: replaced?.port ?? port,
      maxConnections: limits.maxConnections,
      tls,
      handle,
      metrics,
      log,
    })
    mode = nextMode
    failure = undefined
    log.info({ host, port: listener.port, tls: tls !== undefined }, 'Listening for events')
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

  return {
    get port() {
      return listener?.port ?? settings.current.port
    },
    get listening() {
      return listener !== undefined && !stopped
    },
    get connections() {
      return listener?.connections ?? 0
    },
    get identity() {
      return files.current.identity?.current
    },
    get problem() {
      return failure ?? files.current.identity?.problem ?? files.current.trust?.problem
    },
    async stopAccepting() {
      stopped = true
      clearTimeout(retry)
      stopListening()
      await turn
      await listener?.stopAccepting()
    },
    async close() {
      listener?.destroy()
      await files.close()
    },
  }
}
