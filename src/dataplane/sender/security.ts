/**
 * TLS and credentials as they are now. Each change gives a new generation, and a generation gives the settings of the
 * pools that are made in it. Without the material that the settings name nothing is sent, and `problem` says why.
 */
import { createSecureContext, type ConnectionOptions } from 'node:tls'
import type { SenderFile } from '../../api/sidecar-config.ts'
import type { Log } from '../../telemetry/log.ts'
import { clientTlsOptions } from '../tls/client-options.ts'
import { openIdentity } from '../tls/identity.ts'
import type { Reloading } from '../tls/reloading.ts'
import type { Environment } from '../tls/secret.ts'
import { openTrust } from '../tls/trust.ts'
import { openCredentials } from './credentials.ts'

export interface Security {
  /** Counts changes; undefined while something is missing. */
  generation(): number | undefined
  /** How to connect to a host whose certificate must bear `name`; undefined for plain HTTP. */
  connection(name: string): ConnectionOptions | undefined
  /** The name that the settings want verified in place of each host's own. */
  serverName: string | undefined
  authorization(): string | undefined
  problem(): string | undefined
  /** Of files of TLS alone. */
  tlsProblem(): string | undefined
  /** When the certificate ends that hosts are shown; undefined without one. */
  certificateExpiry(): Date | undefined
  /** SHA-256 of that certificate, as openssl prints it. */
  certificateFingerprint(): string | undefined
  close(): void
}

export async function openSecurity(
  { tls, auth }: Pick<SenderFile, 'tls' | 'auth'>,
  deps: { log: Log; env: Environment; onChange: () => void },
): Promise<Security> {
  const { log, env, onChange } = deps
  const trust = tls.enabled ? await openTrust(tls.trust, { log, env }) : undefined
  const identity =
    tls.enabled && tls.identity ? await openIdentity(tls.identity, { log, env }) : undefined
  const credentials = auth ? await openCredentials(auth, { log, env }) : undefined
  const parts: Reloading<unknown>[] = [trust, identity, credentials].filter(
    (part) => part !== undefined,
  )
  let generation = 1
  /** One for all connections of a generation: parsing a list of certificate authorities takes milliseconds. */
  let context: ReturnType<typeof createSecureContext> | undefined

  function changed(): void {
    context = undefined
    generation += 1
    onChange()
  }
  // Credentials stand in each request: they need no new connections.
  trust?.onChange(changed)
  identity?.onChange(changed)
  credentials?.onChange(onChange)

  return {
    generation: () => (parts.every((part) => part.current !== undefined) ? generation : undefined),
    connection(name) {
      if (!tls.enabled) return undefined
      const { ca, cert, key, minVersion, ...options } = clientTlsOptions({
        trust: trust?.current,
        identity: identity?.current,
        verification: tls.verification,
        name,
      })
      context ??= createSecureContext({ ca, cert, key, minVersion })
      return { ...options, secureContext: context }
    },
    serverName: tls.enabled ? tls.serverName || undefined : undefined,
    authorization: () => credentials?.current?.header,
    problem: () => parts.find((part) => part.problem !== undefined)?.problem,
    tlsProblem: () => trust?.problem ?? identity?.problem,
    certificateExpiry: () => identity?.current?.notAfter,
    certificateFingerprint: () => identity?.current?.fingerprint,
    close() {
      for (const part of parts) part.close()
    },
  }
}
