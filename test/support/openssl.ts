/** The openssl program as a second opinion; tests that need it are skipped where it is missing, and say so. */
import { spawnSync } from 'node:child_process'

const program = 'openssl'

/** For the options of a test: `test(title, {skip: withoutOpenssl}, …)`. */
export const withoutOpenssl: string | false =
  spawnSync(program, ['version']).status === 0 ? false : 'no openssl program on this machine'

/** Runs it to its end; both outputs together. */
export function openssl(args: readonly string[], input = ''): { ok: boolean; output: string } {
  const { status, stdout, stderr } = spawnSync(program, args, { input, encoding: 'utf8' })
  return { ok: status === 0, output: stdout + stderr }
}
