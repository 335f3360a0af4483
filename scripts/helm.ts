/** Helm, which the plain manifests and the tests of the chart need: on the PATH, or where the test cluster keeps it. */
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { clusterHome } from '../test/cluster/support/binaries.ts'

export const chartFolder = fileURLToPath(new URL('../charts/logstash-link', import.meta.url))

/** Path of the program, or undefined where there is none. */
export function findHelm(env: NodeJS.ProcessEnv = process.env): string | undefined {
  const folders = [join(clusterHome(env), 'bin'), ...(env['PATH'] ?? '').split(delimiter)]
  return folders.map((folder) => join(folder, 'helm')).find((path) => existsSync(path))
}

/** Standard output. Throws with standard error where helm refuses. It sees no cluster. */
export function runHelm(helm: string, args: readonly string[], input = ''): string {
  const env = { ...process.env, KUBECONFIG: '/dev/null' }
  const options = { env, input, encoding: 'utf8', maxBuffer: 64 * 2 ** 20, stdio: 'pipe' } as const
  return execFileSync(helm, args, options)
}
