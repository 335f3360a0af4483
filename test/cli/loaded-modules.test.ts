import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import test from 'node:test'
import { fileURLToPath } from 'node:url'
import { testFolder } from '../support/certificates.ts'
import { freePorts } from '../support/free-ports.ts'
import { startProgram, untilReady } from '../support/programs.ts'

const preload = fileURLToPath(new URL('../support/note-loaded-modules.ts', import.meta.url))
/** The control plane's rooms and packages: a sidecar stands in each pod, so its memory counts many times. */
const foreign = [
  /\/(src|dist)\/(kube|controller|webhook|local|desired|plan|verdict|discovery|injector|rollout)\//,
  /\/node_modules\/(@kubernetes|fastify|undici|yaml)\//,
]

for (const [program, own] of Object.entries({
  sender: ['--hosts', '127.0.0.1:1', '--http', '0'],
  receiver: ['--port', '0', '--deliver', 'stdout'],
})) {
  test(`a ${program} loads nothing of the control plane, and no Kubernetes client`, async (t) => {
    const folder = testFolder(t)
    const list = folder.write('modules', '')
    const [health = 0] = await freePorts(1)
    const { child, ended } = startProgram(
      program,
      [program, '--no-tls', ...own, '--health-port', String(health)],
      {
        folder: dirname(list),
        env: { LOADED_MODULES: list },
        nodeArguments: ['--import', preload],
      },
    )
    t.after(async () => {
      child.kill('SIGKILL')
      await ended
    })
    await untilReady(health)
    const modules = readFileSync(list, 'utf8').split('\n')
    assert.ok(modules.some((url) => url.includes(`/cli/${program}.`)))
    assert.ok(modules.some((url) => url.includes('/node_modules/pino/')))
    assert.deepEqual(
      modules.filter((url) => foreign.some((pattern) => pattern.test(url))),
      [],
    )
  })
}
