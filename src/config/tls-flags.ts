/** TLS on the command line: the same ideas, and the same contradictions, as in the real plugins' settings. */
import type { IdentitySource, TrustSource } from '../api/sidecar-config.ts'
import type { Flags } from './flags.ts'

export const identityFlags = {
  keystore: { value: 'FILE', help: 'PKCS12 file with certificate and private key' },
  'keystore-password-env': { value: 'NAME', help: 'environment variable with its password' },
  cert: { value: 'FILE', help: 'PEM file with the certificate and its chain' },
  key: { value: 'FILE', help: 'PEM file with the private key' },
  'key-passphrase-env': { value: 'NAME', help: 'environment variable with its passphrase' },
} as const

export const trustFlags = {
  ca: { value: 'FILE', help: 'PEM file with the certificates to trust' },
  truststore: { value: 'FILE', help: 'PKCS12 file with the certificates to trust, and no key' },
  'truststore-password-env': { value: 'NAME', help: 'environment variable with its password' },
} as const

export const credentialFlags = {
  username: { value: 'USER', help: 'HTTP basic authentication: user name' },
  'password-env': { value: 'NAME', help: 'environment variable with the password' },
} as const

type IdentityFlags = Flags<typeof identityFlags>
type TrustFlags = Flags<typeof trustFlags>
type CredentialFlags = Flags<typeof credentialFlags>

/** Undefined where the flags name no identity; half an identity and two at once are problems. */
export function identityFrom(flags: IdentityFlags, problems: string[]): IdentitySource | undefined {
  const keystore = flags.get('keystore')
  const cert = flags.get('cert')
  const key = flags.get('key')
  const passwordEnv = flags.get('keystore-password-env')
  const passphraseEnv = flags.get('key-passphrase-env')
  if (keystore !== undefined && (cert !== undefined || key !== undefined)) {
    problems.push(
      `Expected one identity, got \`--keystore\` and \`${flags.given('cert', 'key').join('`, `')}\``,
    )
  }
  needs(flags, 'keystore-password-env', 'keystore', problems)
  needs(flags, 'keystore', 'keystore-password-env', problems)
  needs(flags, 'cert', 'key', problems)
  needs(flags, 'key', 'cert', problems)
  needs(flags, 'key-passphrase-env', 'key', problems)
  if (keystore !== undefined && passwordEnv !== undefined) {
    return { type: 'pkcs12', keystore, password: { env: passwordEnv } }
  }
  if (cert === undefined || key === undefined) return undefined
  return {
    type: 'pem',
    cert,
    key,
    ...(passphraseEnv === undefined ? {} : { passphrase: { env: passphraseEnv } }),
  }
}

/** Undefined where the flags name nothing to trust. */
export function trustFrom(flags: TrustFlags, problems: string[]): TrustSource | undefined {
  const ca = flags.get('ca')
  const truststore = flags.get('truststore')
  const passwordEnv = flags.get('truststore-password-env')
  if (ca !== undefined && truststore !== undefined) {
    problems.push('Expected one source of trust, got `--ca` and `--truststore`')
  }
  needs(flags, 'truststore-password-env', 'truststore', problems)
  needs(flags, 'truststore', 'truststore-password-env', problems)
  if (truststore !== undefined && passwordEnv !== undefined) {
    return { type: 'pkcs12', truststore, password: { env: passwordEnv } }
  }
  return ca === undefined ? undefined : { type: 'pem', ca }
}

export function credentialsFrom(flags: CredentialFlags, problems: string[]) {
  const username = flags.get('username')
  const passwordEnv = flags.get('password-env')
  needs(flags, 'username', 'password-env', problems)
  needs(flags, 'password-env', 'username', problems)
  if (username?.includes(':')) {
    problems.push('Expected `--username` to have no colon (HTTP basic authentication), got one')
  }
  if (username === undefined || passwordEnv === undefined) return undefined
  return { username: { value: username }, password: { env: passwordEnv } }
}

/** Flags whose value is the name of an environment variable that holds a secret. */
const environmentFlags = [
  'keystore-password-env',
  'key-passphrase-env',
  'truststore-password-env',
  'password-env',
] as const

/** With --no-tls any other setting of TLS is a contradiction, as in the real plugins; `own` are the program's own ones. */
export function refuseBesideNoTls<N extends string>(
  flags: {
    given(...names: (N | keyof typeof identityFlags | keyof typeof trustFlags)[]): string[]
  },
  own: readonly N[],
  problems: string[],
): void {
  const about = flags.given(
    ...(Object.keys(identityFlags) as (keyof typeof identityFlags)[]),
    ...(Object.keys(trustFlags) as (keyof typeof trustFlags)[]),
    ...own,
  )
  if (about.length > 0) {
    problems.push(`Expected no setting of TLS beside \`--no-tls\`, got \`${about.join('`, `')}\``)
  }
}

/** Each environment variable that a flag names must be set: better told now than as a refused handshake later. */
export function checkEnvironment(
  flags: { get(name: (typeof environmentFlags)[number]): string | undefined },
  env: Readonly<Record<string, string | undefined>>,
  problems: string[],
): void {
  for (const name of environmentFlags) {
    const variable = flags.get(name)
    if (variable !== undefined && env[variable] === undefined) {
      problems.push(
        `Expected the environment variable ${variable}, named by \`--${name}\`, to be set, got nothing`,
      )
    }
  }
}

function needs<N extends string>(
  flags: { has(name: N): boolean },
  name: N,
  other: N,
  problems: string[],
): void {
  if (flags.has(name) && !flags.has(other)) {
    problems.push(`Expected \`--${name}\` together with \`--${other}\`, got it alone`)
  }
}
