import assert from 'node:assert/strict'
import { dirname } from 'node:path'
import test from 'node:test'
import { stringify } from 'yaml'
import { TerminalError } from '../../src/errors.ts'
import { createCredentialsSource } from '../../src/kube/credentials.ts'
import { loadKubeAccess } from '../../src/kube/kube-config.ts'
import { testFolder } from '../support/certificates.ts'
import { fakeClock } from '../support/fake-clock.ts'

const config = (cluster: object, user: object, rest: object = {}) =>
  stringify({
    'current-context': 'here',
    contexts: [{ name: 'here', context: { cluster: 'c', user: 'u', namespace: 'shop' } }],
    clusters: [{ name: 'c', cluster: { server: 'https://api:6443/', ...cluster } }],
    users: [{ name: 'u', user }],
    ...rest,
  })

test('a kubeconfig is taken with paths beside it, data before files', (t) => {
  const folder = testFolder(t)
  const cluster = { 'certificate-authority': 'ca.crt', 'tls-server-name': 'kubernetes' }
  const user = { 'client-certificate': 'me.crt', 'client-key-data': 'a2V5', 'client-key': 'no' }
  const kubeconfig = folder.write('config', config(cluster, user))
  assert.deepEqual(loadKubeAccess({ kubeconfig, env: {} }), {
    server: 'https://api:6443',
    serverName: 'kubernetes',
    insecure: false,
    ca: { file: folder.path('ca.crt') },
    cert: { file: folder.path('me.crt') },
    key: { base64: 'a2V5' },
    namespace: 'shop',
  })
})

test('of several files in KUBECONFIG the first that names something has the word', (t) => {
  const folder = testFolder(t)
  const first = folder.write('one', stringify({ users: [{ name: 'u', user: { token: 'mine' } }] }))
  const second = folder.write('two', config({}, { token: 'theirs' }))
  const access = loadKubeAccess({ env: { KUBECONFIG: `${first}:${second}` } })
  assert.deepEqual([access.server, access.token], ['https://api:6443', 'mine'])
})

test('a pod uses what is mounted, and a file that is named goes before', (t) => {
  const folder = testFolder(t)
  const mounted = dirname(folder.write('token', 'secret\n'))
  folder.write('namespace', 'own\n')
  const env = { KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '443' }
  assert.deepEqual(loadKubeAccess({ env, mounted }), {
    server: 'https://[fd00::1]:443',
    insecure: false,
    ca: { file: `${mounted}/ca.crt` },
    tokenFile: `${mounted}/token`,
    namespace: 'own',
  })
  const kubeconfig = folder.write('config', config({}, {}))
  assert.equal(loadKubeAccess({ kubeconfig, env, mounted }).server, 'https://api:6443')
})

const refused: [string, string, RegExp][] = [
  ['no YAML', 'a: [', /is refused/],
  ['no mapping', 'text', /holds no mapping/],
  ['no current context', stringify({}), /current-context/],
  ['an unknown user', config({}, {}, { users: [] }), /no entry "u" in `users`/],
  ['an auth-provider', config({}, { 'auth-provider': { name: 'oidc' } }), /use `exec`/],
  ['a SOCKS proxy', config({ 'proxy-url': 'socks5://a' }, {}), /SOCKS/],
]
for (const [name, text, message] of refused) {
  test(`a kubeconfig with ${name} is refused with a sentence`, (t) => {
    const kubeconfig = testFolder(t).write('config', text)
    assert.throws(
      () => loadKubeAccess({ kubeconfig, env: {} }),
      (error) => {
        assert.ok(error instanceof TerminalError)
        assert.equal(error.code, 'LSL_KUBECONFIG_INVALID')
        assert.match(error.message, message)
        return true
      },
    )
  })
}

test('a token and a certificate that change in their files are shown some seconds later', async (t) => {
  const folder = testFolder(t)
  const clock = fakeClock()
  const tokenFile = folder.write('token', 'one\n')
  const cert = { file: folder.write('cert', 'a') }
  const load = () => ({ server: 'https://api', insecure: false, tokenFile, cert })
  const source = createCredentialsSource({ load, clock })
  const first = await source.current()
  folder.write('token', 'two\n')
  folder.write('cert', 'b')
  assert.equal(await source.current(), first)
  clock.advance(10_000)
  const second = await source.current()
  assert.equal(first.headers['authorization'], 'Bearer one')
  assert.equal(second.headers['authorization'], 'Bearer two')
  assert.notEqual(first.digest, second.digest)
})
