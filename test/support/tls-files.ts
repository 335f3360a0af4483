/** Opens identity and trust as programs do, looking at the files often and ending with the test. */
import type { TestContext } from 'node:test'
import type { IdentitySource, TrustSource } from '../../src/api/sidecar-config.ts'
import { openIdentity, type Identity, type TlsFilesDeps } from '../../src/dataplane/tls/identity.ts'
import type { Reloading } from '../../src/dataplane/tls/reloading.ts'
import { openTrust, type Trust } from '../../src/dataplane/tls/trust.ts'
import { silentLog } from './log.ts'

/** The password of all stores in tests. */
export const password = 'changeit'
const deps = { log: silentLog(), env: { STORE_PASSWORD: password, WRONG: 'wrong' }, intervalMs: 10 }

export async function identityFor(
  t: TestContext,
  source: IdentitySource,
  more: Partial<TlsFilesDeps> = {},
): Promise<Reloading<Identity>> {
  const identity = await openIdentity(source, { ...deps, ...more })
  t.after(() => identity.close())
  return identity
}

export async function trustFor(
  t: TestContext,
  source: TrustSource,
  more: Partial<TlsFilesDeps> = {},
): Promise<Reloading<Trust>> {
  const trust = await openTrust(source, { ...deps, ...more })
  t.after(() => trust.close())
  return trust
}

export function keystoreSource(keystore: string, env = 'STORE_PASSWORD'): IdentitySource {
  return { type: 'pkcs12', keystore, password: { env } }
}

export function truststoreSource(truststore: string, env = 'STORE_PASSWORD'): TrustSource {
  return { type: 'pkcs12', truststore, password: { env } }
}
