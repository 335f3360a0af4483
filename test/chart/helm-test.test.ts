/** What `helm test` runs in its pod, against servers that are as they should be and against such that are not. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import type { AddressInfo, Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { json } from 'node:stream/consumers'
import { describe, it, type TestContext } from 'node:test'
import { makeTestAuthority } from '../support/certificates.ts'

const script = readFileSync(
  new URL('../../charts/logstash-link/files/helm-test.mjs', import.meta.url),
  'utf8',
)

interface World {
  /** Status of /readyz. */
  ready?: number
  /** Answer to a review that bears this uid. */
  answer?: (uid: string) => { status: number; body: unknown }
  /** The webhook's certificate is of an authority that the Secret does not name. */
  foreignAuthority?: boolean
  /** The certificate is for this name in place of localhost. */
  name?: string
}

const allowedAnswer = (uid: string) => ({
  status: 200,
  body: { response: { uid, allowed: true } },
})

async function listen(t: TestContext, server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  return (server.address() as AddressInfo).port
}

async function runIn(t: TestContext, world: World): Promise<{ code: number; said: string }> {
  const { ready = 200, answer = allowedAnswer, foreignAuthority = false, name } = world
  const folder = mkdtempSync(join(tmpdir(), 'lsl-helm-test-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const authority = await makeTestAuthority()
  const named = foreignAuthority ? await makeTestAuthority() : authority
  const caFile = join(folder, 'ca.crt')
  writeFileSync(caFile, named.caPem)
  const wishes = name === undefined ? {} : { dnsNames: [name], ipAddresses: [] }
  const { certPem: cert, keyPem: key } = await authority.leaf(wishes)
  const health = await listen(
    t,
    createHttpServer((_, response) => response.writeHead(ready).end('{"webhook": "serves"}')),
  )
  const webhook = await listen(
    t,
    createHttpsServer({ cert, key }, (request, response) => {
      void json(request).then((body) => {
        const { request: review } = body as { request: { uid: string; dryRun: boolean } }
        assert.equal(review.dryRun, true)
        const { status, body: answered } = answer(review.uid)
        response.writeHead(status).end(JSON.stringify(answered))
      })
    }),
  )
  const env = {
    READY_URL: `http://127.0.0.1:${health}/readyz`,
    WEBHOOK_URL: `https://localhost:${webhook}/inject`,
    CA_FILE: caFile,
  }
  return new Promise((resolve) => {
    const args = ['--input-type=module', '--eval', script]
    execFile(process.execPath, args, { env }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code), said: stdout + stderr }),
    )
  })
}

describe('helm test', () => {
  it('passes where the operator is ready and its webhook answers', async (t) => {
    const { code, said } = await runIn(t, {})
    assert.equal(code, 0, said)
    assert.match(said, /ok {6}readiness: .*serves/)
    assert.match(said, /ok {6}dry-run injection/)
  })

  const faults: Record<string, { world: World; says: RegExp }> = {
    'is not ready': { world: { ready: 503 }, says: /failed {2}readiness .*Expected 200, got 503/ },
    'does not answer reviews': {
      world: { answer: () => ({ status: 404, body: {} }) },
      says: /failed {2}dry-run injection .*Expected 200, got 404/,
    },
    'refuses the pod': {
      world: { answer: (uid) => ({ status: 200, body: { response: { uid, allowed: false } } }) },
      says: /Expected the pod to be allowed/,
    },
    'answers another review': {
      world: { answer: () => allowedAnswer('other') },
      says: /Expected the pod to be allowed/,
    },
    'serves a certificate of another authority': {
      world: { foreignAuthority: true },
      says: /failed {2}dry-run injection .*certificate/,
    },
    'serves a certificate for another name': {
      world: { name: 'elsewhere' },
      says: /failed {2}dry-run injection .*localhost/,
    },
  }
  for (const [title, { world, says }] of Object.entries(faults)) {
    it(`fails, and says why, where the operator ${title}`, async (t) => {
      const { code, said } = await runIn(t, world)
      assert.equal(code, 1)
      assert.match(said, says)
    })
  }
})
