import assert from 'node:assert/strict'
import test from 'node:test'
import { runSidecar } from '../../src/cli/sidecar.ts'
import { senderCommand, senderFlags } from '../../src/config/sender.ts'
import { parseSenderFile } from '../../src/api/sidecar-schema.ts'
import { eventually } from '../support/eventually.ts'
import { freePorts } from '../support/free-ports.ts'

test('a program is alive from the first moment, and ready only once it has started', async () => {
  const [port = 0] = await freePorts(1)
  const args = ['--no-tls', '--hosts', '127.0.0.1:1', '--health-port', String(port)]
  const starting = Promise.withResolvers<void>()
  const done = Promise.withResolvers<void>()
  const ended = runSidecar(
    args,
    { env: {}, stdin: process.stdin, stdout: process.stdout, stderr: process.stderr },
    {
      program: 'sender',
      flags: senderFlags,
      command: senderCommand(args, {}, process.pid),
      parse: parseSenderFile,
      whatRemains: 'nothing',
      async start() {
        await starting.promise
        return {
          checks: { live: {}, ready: {} },
          needs: [],
          status: () => ({}),
          done: done.promise,
          stop: async () => ({ remaining: 0 }),
        }
      },
    },
  )
  const ask = (path: string): Promise<Response> => fetch(`http://127.0.0.1:${port}${path}`)
  await eventually('it is alive', async () => assert.equal((await ask('/healthz')).status, 200))
  const answer = await ask('/readyz')
  assert.equal(answer.status, 503)
  const { checks } = (await answer.json()) as { checks: Record<string, { ok: boolean }> }
  assert.equal(checks['started']?.ok, false)
  starting.resolve()
  await eventually('it is ready', async () => assert.equal((await ask('/readyz')).status, 200))
  done.resolve()
  assert.equal(await ended, 0)
})
