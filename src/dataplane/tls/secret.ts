/** Passwords and user names stand in files or in the environment, never in settings. */
import { readFile } from 'node:fs/promises'
import type { SecretSource } from '../../api/sidecar-config.ts'
import { messageOf, TerminalError } from '../../errors.ts'

export type Environment = Readonly<Record<string, string | undefined>>

/**
 * The secret without the newline that editors put at its end. Throws LSL_FILE_UNREADABLE or LSL_ENV_MISSING.
 * `setting` is named in those.
 */
export async function readSecretSource(
  source: SecretSource,
  env: Environment,
  setting = 'a password',
): Promise<string> {
  if ('env' in source) {
    const value = env[source.env]
    if (value === undefined) throw new TerminalError('LSL_ENV_MISSING', [source.env, setting])
    return value
  }
  try {
    const text = await readFile(source.file, 'utf8')
    return text.replace(/\r?\n$/, '')
  } catch (error) {
    throw new TerminalError('LSL_FILE_UNREADABLE', [source.file, setting, messageOf(error)], {
      cause: error,
    })
  }
}

/** The files whose change changes the secret. */
export function secretFiles(source: SecretSource | undefined): string[] {
  return source !== undefined && 'file' in source ? [source.file] : []
}
