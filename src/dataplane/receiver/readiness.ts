/** Readiness of a receiver: listening, with an identity, and able to verify its clients. Never back-pressure, never the application's state. */
import type { ReceiverSettings } from '../../api/sidecar-config.ts'
import type { Check, Checks } from '../../telemetry/health.ts'
import type { Watched } from '../files/watched.ts'
import type { Door } from './door.ts'
import { ownAddresses } from './own-addresses.ts'

export function receiverChecks(door: Door, settings: Watched<ReceiverSettings>): Checks {
  const listening: Check = () =>
    door.listening
      ? { ok: true, message: `listening on port ${door.port}` }
      : { ok: false, message: door.problem ?? 'not listening' }

  const identity: Check = () => {
    const { tls, requirePodAddresses = false, host } = settings.current
    if (!tls.enabled) return { ok: true, message: 'TLS is off' }
    const leaf = door.identity
    if (leaf === undefined) {
      return { ok: false, message: door.problem ?? 'waiting for a certificate' }
    }
    const uncovered = requirePodAddresses
      ? ownAddresses(host).filter((address) => !leaf.coversAddress(address))
      : []
    if (uncovered.length > 0) {
      return { ok: false, message: `the certificate does not cover ${uncovered.join(', ')} yet` }
    }
    return { ok: true, message: door.problem ?? `valid until ${leaf.notAfter.toISOString()}` }
  }

  const clientTrust: Check = () => {
    if (door.knowsClients) {
      return { ok: true, message: 'client certificates are verified where they are asked for' }
    }
    const { tls } = settings.current
    // Where certificates are optional, those who show none are served meanwhile.
    const ok = tls.enabled && tls.clientAuthentication === 'Optional'
    return { ok, message: door.problem ?? 'waiting for the trust of clients' }
  }

  return { live: {}, ready: { listening, identity, clientTrust } }
}
