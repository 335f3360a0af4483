/** HTTP basic authentication, read again when its files change. */
import { createHash } from 'node:crypto'
import type { CredentialsSource } from '../../api/sidecar-config.ts'
import type { Log } from '../../telemetry/log.ts'
import { openReloading, type Reloading } from '../tls/reloading.ts'
import { readSecretSource, secretFiles, type Environment } from '../tls/secret.ts'

export interface Authorization {
  /** Value of the header; not to be logged. */
  header: string
}

/** Never rejects: `problem` says why there are no credentials. */
export async function openCredentials(
  source: CredentialsSource,
  { log, env }: { log: Log; env: Environment },
): Promise<Reloading<Authorization>> {
  const { username, password } = source
  const files = 'value' in username ? [] : secretFiles(username)
  return await openReloading({
    what: 'auth',
    files: [...files, ...secretFiles(password)],
    async load() {
      const user =
        'value' in username
          ? username.value
          : await readSecretSource(username, env, 'auth.username')
      const secret = await readSecretSource(password, env, 'auth.password')
      const header = `Basic ${Buffer.from(`${user}:${secret}`).toString('base64')}`
      return { value: { header }, digest: createHash('sha256').update(header).digest('hex') }
    },
    log,
  })
}
