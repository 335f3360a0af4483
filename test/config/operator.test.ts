import assert from 'node:assert/strict'
import test from 'node:test'
import { operatorCommand } from '../../src/config/operator.ts'

const image = ['--image', 'registry.local/logstash-link:1']
const env = { POD_NAME: 'logstash-link-0', POD_NAMESPACE: 'logstash-link-system' }

test('a pod needs the image alone', () => {
  const { settings, problems } = operatorCommand(image, env)
  assert.deepEqual(problems, [])
  assert.deepEqual(settings, {
    options: { image: 'registry.local/logstash-link:1', clusterDomain: 'cluster.local' },
    namespace: 'logstash-link-system',
    name: 'logstash-link-0',
    host: '0.0.0.0',
    healthPort: 8080,
    webhook: {
      port: 9443,
      address: { service: 'logstash-link-webhook' },
      configuration: 'logstash-link',
      secret: 'logstash-link-webhook-tls',
    },
    lease: { name: 'logstash-link', leaseMs: 15_000, renewMs: 10_000, retryMs: 2000 },
    logLevel: 'Info',
  })
})

test('every flag has its place in the settings', () => {
  const { settings, problems } = operatorCommand(
    [
      ...image,
      ...['--kubeconfig', 'admin.kubeconfig', '--namespace', 'elsewhere'],
      ...['--image-pull-policy', 'Never', '--cluster-domain', 'example.org'],
      ...['--sidecar-resources', '{"requests": {"cpu": "10m"}, "limits": {"cpu": 2}}'],
      ...['--host', '127.0.0.1', '--health-port', '0', '--webhook-port', '0'],
      ...['--webhook-url', 'https://127.0.0.1:9443/inject'],
      ...['--webhook-configuration', 'mine', '--webhook-secret', 'mine-tls', '--lease', 'mine'],
      ...['--lease-duration', '3s', '--renew-deadline', '2s', '--retry-period', '500ms'],
      ...['--log-level', 'debug'],
    ],
    env,
  )
  assert.deepEqual(problems, [])
  assert.deepEqual(settings, {
    options: {
      image: 'registry.local/logstash-link:1',
      clusterDomain: 'example.org',
      imagePullPolicy: 'Never',
      defaultResources: { requests: { cpu: '10m' }, limits: { cpu: '2' } },
    },
    kubeconfig: 'admin.kubeconfig',
    namespace: 'elsewhere',
    name: 'logstash-link-0',
    host: '127.0.0.1',
    healthPort: 0,
    webhook: {
      port: 0,
      address: { url: 'https://127.0.0.1:9443' },
      configuration: 'mine',
      secret: 'mine-tls',
    },
    lease: { name: 'mine', leaseMs: 3000, renewMs: 2000, retryMs: 500 },
    logLevel: 'Debug',
  })
})

const refusals: [string, string[], RegExp][] = [
  ['no image', [], /--image/],
  ['an unknown flag', [...image, '--leader-elect'], /--leader-elect/],
  [
    'a policy that is none',
    [...image, '--image-pull-policy', 'Often'],
    /--image-pull-policy.*Often/,
  ],
  ['a cluster domain with spaces', [...image, '--cluster-domain', 'a b'], /--cluster-domain/],
  ['a namespace that cannot be', [...image, '--namespace', 'A/B'], /--namespace.*A\/B/],
  [
    'a Service and a URL',
    [...image, '--webhook-service', 'a', '--webhook-url', 'https://a/inject'],
    /--webhook-service.*--webhook-url/,
  ],
  ['a Service that cannot be', [...image, '--webhook-service', 'a.b'], /--webhook-service.*a\.b/],
  ['a URL without TLS', [...image, '--webhook-url', 'http://a/inject'], /--webhook-url.*https/],
  ['a URL with a query', [...image, '--webhook-url', 'https://a/inject?b'], /--webhook-url.*\?b/],
  [
    'a URL of another path',
    [...image, '--webhook-url', 'https://a/mutate'],
    /--webhook-url.*mutate/,
  ],
  ['a URL that is none', [...image, '--webhook-url', 'inject'], /--webhook-url.*inject/],
  ['a Secret that cannot be', [...image, '--webhook-secret', '_'], /--webhook-secret/],
  ['resources that are no JSON', [...image, '--sidecar-resources', 'cpu=1'], /JSON.*cpu=1/],
  [
    'resources of an unknown group',
    [...image, '--sidecar-resources', '{"claims": {}}'],
    /requests and limits alone.*claims/,
  ],
  [
    'resources that are a list',
    [...image, '--sidecar-resources', '{"limits": ["1"]}'],
    /limits by the name/,
  ],
  [
    'an amount that is none',
    [...image, '--sidecar-resources', '{"limits": {"cpu": "much"}}'],
    /limits\.cpu.*much/,
  ],
  [
    'a leader that believes longer than others wait',
    [...image, '--lease-duration', '10s'],
    /--renew-deadline.*--lease-duration.*two could lead/,
  ],
  [
    'attempts too rare to renew in time',
    [...image, '--retry-period', '6s'],
    /--retry-period.*--renew-deadline/,
  ],
  [
    'one port for both servers',
    [...image, '--health-port', '9443'],
    /--health-port.*--webhook-port.*9443/,
  ],
]
for (const [what, args, expected] of refusals) {
  test(`a command line with ${what} is refused in a sentence`, () => {
    const { problems } = operatorCommand(args, env)
    assert.equal(problems.length, 1, JSON.stringify(problems))
    assert.match(problems[0] ?? '', expected)
  })
}

test('all problems are told at once, that the namespace is not known among them', () => {
  const { problems } = operatorCommand(['--health-port', 'x', '--log-level', 'loud'], {})
  assert.equal(problems.length, 4, JSON.stringify(problems))
  assert.ok(problems.some((problem) => /--namespace.*POD_NAMESPACE/.test(problem)))
})
