import assert from 'node:assert/strict'
import test from 'node:test'
import type { ReceiverFile } from '../../src/api/sidecar-config.ts'
import { receiverCommand } from '../../src/config/receiver.ts'

const env = { PASSWORD: 'secret' }
const identity = ['--keystore', 'id.p12', '--keystore-password-env', 'PASSWORD']

function settingsOf(args: string[], environment: Record<string, string> = env) {
  const { source, problems } = receiverCommand(args, environment)
  assert.deepEqual(problems, [])
  assert.equal(source.from, 'flags')
  return source.settings
}

test('the configuration of the real documentation gives TLS by keystore and delivery to stdout', () => {
  const settings = settingsOf([
    ...['--port', '9800', '--keystore', 'identity.p12'],
    ...['--keystore-password-env', 'PASSWORD', '--deliver', 'stdout'],
  ])
  assert.equal(settings.port, 9800)
  assert.equal(settings.host, '0.0.0.0')
  assert.deepEqual(settings.tls, {
    enabled: true,
    identity: { type: 'pkcs12', keystore: 'identity.p12', password: { env: 'PASSWORD' } },
    clientAuthentication: 'None',
  })
  assert.deepEqual(settings.deliver, { type: 'stdout' })
  assert.equal(settings.limits.maxRequest, 100 * 2 ** 20)
})

test('each target of --deliver is understood', () => {
  const targets = {
    stdout: { type: 'stdout' },
    'file:out/events.ndjson': { type: 'file', path: 'out/events.ndjson', fsync: false },
    'http://127.0.0.1:8080/events': { type: 'http', url: 'http://127.0.0.1:8080/events' },
    'tcp://localhost:5000': { type: 'tcp', host: 'localhost', port: 5000 },
    'tcp://[::1]:5000': { type: 'tcp', host: '::1', port: 5000 },
    'unix:/run/app.sock': { type: 'unix', path: '/run/app.sock' },
  }
  for (const [text, expected] of Object.entries(targets)) {
    assert.deepEqual(settingsOf(['--no-tls', '--deliver', text]).deliver, expected, text)
  }
})

const refusals: [string, string[], RegExp][] = [
  ['no identity and no --no-tls', [], /--keystore.*--cert.*--no-tls/],
  ['a port above 65535', [...identity, '--port', '70000'], /--port.*0 to 65535.*"70000"/],
  ['a port that is no number', [...identity, '--port', '98oo'], /--port.*"98oo"/],
  ['two identities', [...identity, '--cert', 'a', '--key', 'b'], /--keystore.*--cert/],
  ['a certificate without key', ['--cert', 'a'], /--cert.*--key/],
  ['a key without certificate', ['--key', 'a'], /--key.*--cert/],
  ['a keystore without password', ['--keystore', 'a'], /--keystore.*--keystore-password-env/],
  [
    'a password without its store',
    ['--no-tls', '--keystore-password-env', 'PASSWORD'],
    /--keystore-password-env.*--keystore/,
  ],
  ['TLS settings beside --no-tls', ['--no-tls', ...identity], /--no-tls.*--keystore/],
  ['client certificates without CA', [...identity, '--client-auth', 'required'], /--ca/],
  ['a CA without client certificates', [...identity, '--ca', 'ca.crt'], /--client-auth/],
  [
    'a mode that does not exist',
    [...identity, '--client-auth', 'maybe'],
    /none, optional, required.*"maybe"/,
  ],
  ['a user without password', ['--no-tls', '--username', 'u'], /--username.*--password-env/],
  [
    'a user name with a colon',
    ['--no-tls', '--username', 'a:b', '--password-env', 'PASSWORD'],
    /colon/,
  ],
  [
    'an unset variable',
    ['--no-tls', '--username', 'u', '--password-env', 'NOPE'],
    /NOPE.*--password-env/,
  ],
  ['an unknown target', ['--no-tls', '--deliver', 'kafka://x'], /--deliver.*"kafka:\/\/x"/],
  ['a tcp target without port', ['--no-tls', '--deliver', 'tcp://host'], /--deliver/],
  ['https to the application', ['--no-tls', '--deliver', 'https://host/'], /--deliver/],
  ['a size that is none', ['--no-tls', '--max-line', 'big'], /--max-line.*"big"/],
  ['a size of nothing', ['--no-tls', '--max-line', '0'], /--max-line.*0/],
  ['an unknown flag', ['--no-tls', '--prot', '1'], /--prot/],
  ['a flag without its value', ['--no-tls', '--port'], /--port.*value/],
  ['a flag in place of a value', ['--port', '--no-tls'], /--port.*value/],
  ['a value for a flag that has none', ['--no-tls=yes'], /--no-tls.*alone/],
  ['a flag given twice', ['--no-tls', '--port', '1', '--port', '2'], /--port.*more than once/],
  ['a word that is no flag', ['--no-tls', 'serve'], /"serve"/],
  [
    '--config beside another flag',
    ['--config', 'f.json', '--deliver', 'stdout'],
    /--config.*--deliver/,
  ],
  ['--fsync without a file', ['--no-tls', '--fsync'], /--fsync/],
  [
    'one port for events and health',
    ['--no-tls', '--port', '9700', '--health-port', '9700'],
    /--port.*--health-port.*9700/,
  ],
]

for (const [what, args, expected] of refusals) {
  test(`a command line with ${what} is refused in a sentence`, () => {
    const { problems } = receiverCommand(args, env)
    assert.ok(
      problems.some((problem) => expected.test(problem)),
      `expected ${expected}, got ${JSON.stringify(problems)}`,
    )
  })
}

test('all problems are told at once', () => {
  const { problems } = receiverCommand(['--port', 'x', '--deliver', 'y', '--max-line', 'z'], env)
  assert.equal(problems.length, 4)
})

const file: ReceiverFile = {
  role: 'receiver',
  tls: { enabled: false },
  deliver: { type: 'http', url: 'http://127.0.0.1:8080/events' },
  limits: settingsOf(['--no-tls']).limits,
  logLevel: 'Info',
}

test('a sidecar takes its ports from the arguments and the rest from the file', () => {
  const { source, problems } = receiverCommand(
    ['--config', '/etc/sidecar.json', '--port', '9810', '--health-port', '9603'],
    {},
  )
  assert.deepEqual(problems, [])
  assert.equal(source.from, 'file')
  const settings = source.complete(file)
  assert.equal(settings.port, 9810)
  assert.equal(settings.healthPort, 9603)
  // All addresses of the pod, which may have none of IPv4.
  assert.equal(settings.host, '')
  assert.deepEqual(settings.deliver, file.deliver)
})

test('where `local` gives the pod an address, the sidecar listens there and finds the application there', () => {
  const { source } = receiverCommand(['--config', '/etc/sidecar.json'], {
    LOGSTASH_LINK_POD_ADDRESS: '127.1.2.3',
  })
  assert.equal(source.from, 'file')
  const settings = source.complete(file)
  assert.equal(settings.host, '127.1.2.3')
  assert.deepEqual(settings.deliver, { type: 'http', url: 'http://127.1.2.3:8080/events' })
})
