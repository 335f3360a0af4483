import assert from 'node:assert/strict'
import { resolve } from 'node:path'
import test from 'node:test'
import { receiverCommand } from '../../src/config/receiver.ts'
import { senderCommand } from '../../src/config/sender.ts'

const env = { PASSWORD: 'secret' }

function settingsOf(args: string[]) {
  const { source, problems } = senderCommand(args, env, 42)
  assert.deepEqual(problems, [])
  assert.equal(source.from, 'flags')
  return source.settings
}

test('the configuration of the real documentation gives hosts, trust by truststore and stdin', () => {
  const settings = settingsOf([
    ...['--hosts', '127.0.0.1:9800,ds.example.com,[::1]:9803'],
    ...['--truststore', 'trust.p12', '--truststore-password-env', 'PASSWORD'],
  ])
  assert.deepEqual(settings.hosts, {
    list: [
      { host: '127.0.0.1', port: 9800 },
      { host: 'ds.example.com', port: 9800 },
      { host: '::1', port: 9803 },
    ],
  })
  assert.deepEqual(settings.tls, {
    enabled: true,
    trust: { type: 'pkcs12', truststore: 'trust.p12', password: { env: 'PASSWORD' } },
    verification: 'Full',
  })
  assert.deepEqual(settings.collect, { stdin: true })
  assert.deepEqual(settings.batch, { maxEvents: 1000, maxBytes: 2 ** 20, maxWait: 50 })
})

test('without trust flags the system is trusted, and ports take the place of stdin', () => {
  const settings = settingsOf(['--hosts', 'a', '--http', '9801', '--tcp', '9802'])
  assert.deepEqual(settings.tls, {
    enabled: true,
    trust: { type: 'system' },
    verification: 'Full',
  })
  assert.deepEqual(settings.collect, { stdin: false, http: { port: 9801 }, tcp: { port: 9802 } })
})

const hosts = ['--hosts', '127.0.0.1']
test('a queue folder holds the queue and how far files were read', () => {
  const { queue, checkpoints, limits } = settingsOf([...hosts, '--queue-dir', '/q'])
  assert.deepEqual(queue, {
    type: 'Disk',
    directory: '/q/queue',
    maxSize: 256 * 2 ** 20,
    onFull: 'Block',
  })
  assert.deepEqual(checkpoints, { directory: '/q/checkpoints' })
  assert.equal(limits.memory, 64 * 2 ** 20)
})

test('a queue in memory has no folder, and memory holds all of it', () => {
  const { queue, checkpoints, limits } = settingsOf([...hosts, '--queue-size', '100Mi'])
  assert.deepEqual(queue, { type: 'Memory', maxSize: 100 * 2 ** 20, onFull: 'Block' })
  assert.equal(checkpoints, undefined)
  assert.equal(limits.memory, 100 * 2 ** 20)
})

test('files are read by absolute globs, in place of stdin', () => {
  const { collect } = settingsOf([...hosts, '--file', '/logs/*.log', '--file', 'here.log'])
  assert.deepEqual(collect, {
    stdin: false,
    files: { paths: ['/logs/*.log', resolve('here.log')] },
  })
})

test('a program has 25 s to finish, or what --grace says, beside --config as well', () => {
  assert.equal(senderCommand(hosts, env, 42).grace, 25_000)
  const sidecar = senderCommand(['--config', 'f', '--grace', '800ms'], env, 42)
  assert.deepEqual([sidecar.grace, sidecar.problems], [800, []])
  const receiver = receiverCommand(['--config', 'f', '--grace', '55000ms'], env)
  assert.deepEqual([receiver.grace, receiver.problems], [55_000, []])
})

const refusals: [string, string[], RegExp][] = [
  ['no hosts', [], /--hosts/],
  ['a bad host', ['--hosts', 'a,b:70000'], /--hosts.*70000/],
  ['an empty host', ['--hosts', 'a,,b'], /--hosts/],
  [
    'verification none beside trust',
    [...hosts, '--verification', 'none', '--ca', 'x'],
    /--verification none.*--ca/,
  ],
  [
    'TLS settings beside --no-tls',
    [...hosts, '--no-tls', '--server-name', 'x'],
    /--no-tls.*--server-name/,
  ],
  [
    'two sources of trust',
    [...hosts, '--ca', 'x', '--truststore', 'y', '--truststore-password-env', 'PASSWORD'],
    /--ca.*--truststore/,
  ],
  ['a truststore without password', [...hosts, '--truststore', 'y'], /--truststore-password-env/],
  ['one port for two inputs', [...hosts, '--http', '1', '--tcp', '1'], /--http.*--tcp/],
  ['a batch of nothing', [...hosts, '--batch-events', '0'], /--batch-events.*1 to/],
  ['a time that is none', [...hosts, '--max-wait', '50'], /--max-wait.*"50"/],
  ['one glob twice', [...hosts, '--file', '/l/*', '--file', '/l/*'], /--file.*once.*\/l\/\*/],
  ['--config beside --queue-dir', ['--config', 'f', '--queue-dir', '/q'], /--config.*--queue-dir/],
  ['--config beside --hosts', [...hosts, '--config', 'f'], /--config.*--hosts/],
  ['one host twice', ['--hosts', 'a,b,a:9800'], /--hosts.*a:9800 twice/],
  [
    'a batch above the queue',
    [...hosts, '--batch-bytes', '2Mi', '--queue-size', '1Mi'],
    /--batch-bytes.*--queue-size/,
  ],
  [
    'the health port for events',
    [...hosts, '--http', '9700', '--health-port', '9700'],
    /--http.*--health-port.*9700/,
  ],
]

for (const [what, args, expected] of refusals) {
  test(`a command line with ${what} is refused in a sentence`, () => {
    const { problems } = senderCommand(args, env, 42)
    assert.ok(
      problems.some((problem) => expected.test(problem)),
      `expected ${expected}, got ${JSON.stringify(problems)}`,
    )
  })
}

test('a sidecar knows its pod from the environment', () => {
  const { source } = senderCommand(
    ['--config', 'f', '--http', '9801', '--file', '/logs/*.log'],
    {
      POD_NAME: 'web-1',
      POD_NAMESPACE: 'shop',
      NODE_NAME: 'node-a',
    },
    42,
  )
  assert.equal(source.from, 'file')
  const settings = source.complete({
    ...settingsOf(hosts),
    hosts: { file: 'hosts.json' },
  })
  assert.deepEqual(settings.pod, { namespace: 'shop', name: 'web-1', node: 'node-a' })
  assert.deepEqual(settings.collect, {
    stdin: false,
    http: { port: 9801 },
    files: { paths: ['/logs/*.log'] },
  })
})

function deadLetter(args: string[], environment: Record<string, string>) {
  const { source } = senderCommand([...hosts, ...args], environment, 42)
  assert.equal(source.from, 'flags')
  return source.settings.deadLetter
}

test('dead letters go to a folder of this program under the user’s state folder, or where the flag says', () => {
  const maxSize = 16 * 2 ** 20
  assert.deepEqual(deadLetter([], { HOME: '/home/u' }), {
    directory: '/home/u/.local/state/logstash-link/sender-42',
    maxSize,
  })
  assert.deepEqual(deadLetter([], { HOME: '/home/u', XDG_STATE_HOME: '/state' }), {
    directory: '/state/logstash-link/sender-42',
    maxSize,
  })
  assert.deepEqual(
    deadLetter(['--dead-letter-dir', '/d', '--dead-letter-size', '1Mi'], { HOME: '/home/u' }),
    { directory: '/d', maxSize: 2 ** 20 },
  )
  assert.equal(deadLetter([], {}), undefined)
})
