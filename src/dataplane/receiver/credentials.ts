/** HTTP basic authentication: read again when a file changes; what was replaced is accepted for ten minutes more. */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { CredentialsSource } from '../../api/sidecar-config.ts'
import type { Log } from '../../telemetry/log.ts'
import { openReloading } from '../tls/reloading.ts'
import { readSecretSource, secretFiles, type Environment } from '../tls/secret.ts'

export type Judgement = 'right' | 'wrong' | 'missing' | 'unknown'

export interface Credentials {
  /** `unknown` while there are none to compare with. */
  judge(this: void, authorization: string | undefined): Judgement
  readonly problem: string | undefined
  close(): void
}

interface CredentialsDependencies {
  env: Environment
  log: Log
  /** A monotonic clock in milliseconds. */
  now: () => number
}

const afterlife = 10 * 60 * 1000

/** Never rejects: `problem` says what cannot be read. */
export async function openCredentials(
  source: CredentialsSource,
  { env, log, now }: CredentialsDependencies,
): Promise<Credentials> {
  const { username, password } = source
  let replaced: { digest: Buffer; until: number }[] = []
  const files = 'value' in username ? [] : secretFiles(username)
  // Watched from before the first reading on: a change in between would mean 401 to everybody, and lost batches.
  const reloading = await openReloading({
    what: 'auth',
    files: [...files, ...secretFiles(password)],
    async load() {
      const name =
        'value' in username
          ? username.value
          : await readSecretSource(username, env, 'auth.username')
      const secret = await readSecretSource(password, env, 'auth.password')
      const value = digestOf(`${name}:${secret}`)
      return { value, digest: value.toString('hex') }
    },
    log,
  })
  let known = reloading.current
  reloading.onChange(() => {
    if (known !== undefined) {
      replaced = replaced.filter(({ until }) => until > now()).slice(-9)
      replaced.push({ digest: known, until: now() + afterlife })
      log.info('The credentials changed: the old ones are accepted for 10 more minutes')
    }
    known = reloading.current
  })

  return {
    judge(authorization) {
      if (authorization === undefined) return 'missing'
      const { current } = reloading
      if (current === undefined) return 'unknown'
      const pair = /^basic +([\w+/=-]+) *$/i.exec(authorization)?.[1]
      if (pair === undefined) return 'wrong'
      const given = digestOf(Buffer.from(pair, 'base64').toString('utf8'))
      let right = timingSafeEqual(given, current)
      for (const { digest, until } of replaced) {
        if (timingSafeEqual(given, digest) && until > now()) right = true
      }
      return right ? 'right' : 'wrong'
    },
    get problem() {
      return reloading.problem
    },
    close: () => reloading.close(),
  }
}

/** Digests have one length, which constant-time comparison needs, and keep the secret out of memory dumps. */
function digestOf(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
