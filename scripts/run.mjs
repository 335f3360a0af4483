// Runs one of the repository's commands on a fresh machine: installs the dependencies if they are missing or out of
// date, then runs the command's steps with the project's own Node first on PATH. Plain JavaScript for an old Node.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createHash } from 'node:crypto'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { commands, notes } from './commands.mjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const [name, ...rest] = process.argv.slice(2)
const steps = commands[name]
if (!steps) {
  console.error(
    `unknown command ${JSON.stringify(name)}, expected one of: ${Object.keys(commands).join(', ')}`,
  )
  process.exit(2)
}

installIfNeeded()

const { findNode } = await import('../bin/node.js')
const node = findNode()
if (!node) {
  console.error('no Node 26 was installed; run npm install without --omit=optional')
  process.exit(1)
}
const path = [dirname(node), join(root, 'node_modules', '.bin'), process.env.PATH].join(delimiter)
const env = { ...process.env, PATH: path }

/** The step that runs now; whoever ends us means it. */
let child
for (const signal of ['SIGTERM', 'SIGHUP', 'SIGINT']) {
  // Ctrl-C reaches the whole group by itself; the others come to us alone.
  process.on(signal, () => signal === 'SIGINT' || child?.kill(signal))
}

const started = Date.now()
for (const [index, step] of steps.entries()) {
  const isLast = index === steps.length - 1
  const [program, ...args] = step
  const began = Date.now()
  const { code, signal } = await run(program, isLast ? [...args, ...rest] : args)
  if (code !== 0) {
    console.error(
      `${name}: \`${step.join(' ')}\` ${signal ? `was ended by ${signal}` : `ended with code ${code}`}`,
    )
    process.exit(code ?? 1)
  }
  if (steps.length > 2) console.error(`${name}: ${program} ${args[0] ?? ''} ok, ${seconds(began)}`)
}
if (steps.length > 2) console.error(`${name}: all of it in ${seconds(started)}`)
if (notes[name]) console.error(notes[name]())

/** Runs a step to its end. Not spawnSync, which would keep signals from reaching it. */
function run(program, args) {
  return new Promise((resolve, reject) => {
    const path = program === 'node' ? node : join(root, 'node_modules', '.bin', program)
    child = spawn(path, args, { cwd: root, stdio: 'inherit', env })
    child.on('error', reject)
    child.on('exit', (code, signal) => resolve({ code, signal }))
  })
}

function seconds(since) {
  return `${((Date.now() - since) / 1000).toFixed(1)} s`
}

/** npm ci, once for each content of package-lock.json; the stamp lies in node_modules, so removing that starts anew. */
function installIfNeeded() {
  const stamp = join(root, 'node_modules', '.logstash-link-installed')
  const wanted = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return
  console.error('installing dependencies (npm ci), once')
  const { status } = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
  })
  if (status !== 0) {
    console.error(`npm ci ended with code ${status}; its output stands above`)
    process.exit(status ?? 1)
  }
  mkdirSync(dirname(stamp), { recursive: true })
  writeFileSync(stamp, wanted)
}
