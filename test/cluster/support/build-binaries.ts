/** Builds what the test cluster needs and does not find. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const script = fileURLToPath(new URL('../kit/build.sh', import.meta.url))

/** Resolves with whether all is there; what it builds, and what is missing, stands on standard error. */
export async function buildBinaries(): Promise<boolean> {
  const child = spawn(script, { stdio: ['ignore', process.stderr, process.stderr] })
  const [code] = (await once(child, 'exit')) as [number | null]
  return code === 0
}
