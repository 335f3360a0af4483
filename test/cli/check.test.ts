import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import test from 'node:test'
import { logstashLinkCrd } from '../../src/api/crd.ts'
import type { KubeObject } from '../../src/api/objects.ts'
import { kindsResult } from '../../src/cli/check/cert-manager-checks.ts'
import { crdResult, versionResult } from '../../src/cli/check/cluster-checks.ts'
import { injectionResult, trialOf } from '../../src/cli/check/injection-check.ts'
import { installationOf } from '../../src/cli/check/installation.ts'
import { linkResults } from '../../src/cli/check/link-checks.ts'
import { installationResults, leaseResult } from '../../src/cli/check/operator-checks.ts'
import { permissionResult, questionsOf } from '../../src/cli/check/permission-checks.ts'
import { checkReadyz, readyzResult } from '../../src/cli/check/readyz-check.ts'
import { exitCodeOf, type CheckResult, type Outcome } from '../../src/cli/check/result.ts'
import { rights } from '../../src/cli/check/rights.ts'
import { resultLines, summary } from '../../src/cli/check/text.ts'
import {
  checkWebhookConfiguration,
  coverageResult,
  trustResult,
} from '../../src/cli/check/webhook-checks.ts'
import { runCheck, runChecks } from '../../src/cli/check.ts'
import type { Api } from '../../src/cli/status/api.ts'
import { paintFor } from '../../src/cli/status/paint.ts'
import type { LinkView } from '../../src/cli/status/view.ts'
import { inject } from '../../src/injector/inject.ts'
import { ClusterError } from '../../src/kube/cluster.ts'
import type { Lease } from '../../src/kube/lease-record.ts'
import { webhookEntry } from '../../src/webhook/entry.ts'
import { leafOf } from '../../src/webhook/leaf.ts'
import { capturedIo } from '../support/captured-io.ts'
import { makeTestAuthority } from '../support/certificates.ts'
import { linkOf, operatorOptions } from '../support/links.ts'

const now = Date.parse('2026-11-22T12:00:00Z')

const crd = (change: (spec: string) => string = (spec) => spec): KubeObject => {
  const { spec, ...rest } = logstashLinkCrd()
  return {
    ...rest,
    spec: JSON.parse(change(JSON.stringify(spec))) as unknown,
    status: { conditions: [{ type: 'Established', status: 'True' }] },
  } as unknown as KubeObject
}

const deployment = (more: object = {}, readyReplicas = 2) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'lsl', namespace: 'system' },
  spec: {
    replicas: 2,
    template: {
      spec: {
        serviceAccountName: 'lsl',
        containers: [{ args: ['operator', '--lease=mine', '--webhook-configuration', 'hook'] }],
      },
    },
    ...more,
  },
  status: { readyReplicas },
})
const installation = installationOf(deployment())

const lease = (spec: NonNullable<Lease['spec']>): Lease => ({
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  metadata: { name: 'mine' },
  spec,
})

const configuration = (...namespaces: string[]): KubeObject => ({
  apiVersion: 'admissionregistration.k8s.io/v1',
  kind: 'MutatingWebhookConfiguration',
  metadata: { name: 'hook' },
  webhooks:
    namespaces.length === 0 ? [] : [webhookEntry(namespaces, { url: 'https://127.0.0.1:1' }, 'x')],
})
const trusting = (bundle: string) => ({
  ...configuration(),
  webhooks: [webhookEntry(['shop'], { url: 'https://127.0.0.1:1' }, bundle)],
})
const refusing = (error: ClusterError): Api => ({
  get: () => Promise.reject(error),
  post: () => Promise.reject(error),
})
const place = { webhook: 'hook', own: 'system' }

const view = (more: Partial<LinkView> = {}): LinkView => ({
  namespace: 'shop',
  name: 'orders',
  ready: true,
  conditions: [],
  identities: [],
  hosts: [],
  hostCount: 0,
  ...more,
})
const condition = (status: 'True' | 'False', message: string) => ({
  type: 'Ready',
  status,
  reason: 'NotReady',
  message,
  lastTransitionTime: '2026-11-22T10:00:00Z',
})
const senders = (problem?: string, restart: string[] = []) => ({
  desired: 1,
  ready: 1,
  restart,
  pods: [
    {
      name: 'web-1',
      state: 'Ready' as const,
      restarts: 0,
      report: { asked: true as const, ...(problem === undefined ? {} : { problem }) },
    },
  ],
})

const accepted = {
  ...linkOf(),
  status: { conditions: [{ ...condition('True', ''), type: 'Accepted' }] },
}
const [trial] = trialOf(accepted)

const table: [title: string, result: CheckResult | undefined, outcome: Outcome, said: RegExp][] = [
  [
    'an old API server',
    versionResult('', { major: '1', minor: '28+', gitVersion: 'v1.28.9-gke' }),
    'failed',
    /1\.28\.9-gke.*1\.29/,
  ],
  [
    'a managed one',
    versionResult('', { major: '1', minor: '33+', gitVersion: 'v1.33.1' }),
    'ok',
    /v1\.33\.1/,
  ],
  ['an answer that is none', versionResult('', {}), 'warning', /to tell its version/],
  ['no CRD', crdResult('', undefined), 'failed', /knows no LogstashLink/],
  ['the CRD of this version', crdResult('', crd()), 'ok', /v1alpha1 is served/],
  [
    'the CRD as the API server gives it back',
    crdResult(
      '',
      crd((spec) => spec.replaceAll(',"properties":{}', '')),
    ),
    'ok',
    /is served/,
  ],
  [
    'another schema',
    crdResult(
      '',
      crd((spec) => spec.replace('"maxItems":16', '"maxItems":8')),
    ),
    'warning',
    /differs/,
  ],
  [
    'another version',
    crdResult(
      '',
      crd((spec) => spec.replace('"name":"v1alpha1"', '"name":"v1"')),
    ),
    'failed',
    /no version v1alpha1/,
  ],
  ['a CRD that is not served', crdResult('', { ...crd(), status: {} }), 'failed', /not served/],
  [
    'no cert-manager, which links need',
    kindsResult('', undefined, true),
    'failed',
    /nobody issues/,
  ],
  [
    'no cert-manager, and none is needed',
    kindsResult('', undefined, false),
    'warning',
    /would get no identity/,
  ],
  ['no operator', installationResults([], undefined)[0], 'failed', /in no namespace/],
  ['one operator', installationResults([installation], undefined)[0], 'ok', /2 of 2/],
  [
    'half an operator',
    installationResults([installationOf(deployment({}, 1))], 'system')[0],
    'warning',
    /1 of 2/,
  ],
  [
    'one without pods',
    installationResults([installationOf(deployment({}, 0))], 'system')[0],
    'failed',
    /0 of 2/,
  ],
  [
    'two operators',
    installationResults([installation, installation], undefined)[1],
    'failed',
    /write over each other/,
  ],
  ['no Lease', leaseResult(undefined, 'system/mine', now), 'failed', /does not exist/],
  [
    'a Lease that was given back',
    leaseResult(lease({ holderIdentity: '' }), 'system/mine', now),
    'failed',
    /no holder/,
  ],
  [
    'a leader',
    leaseResult(
      lease({ holderIdentity: 'a', renewTime: '2026-11-22T11:59:50.000000Z' }),
      'system/mine',
      now,
    ),
    'ok',
    /10s ago/,
  ],
  [
    'a leader that is gone',
    leaseResult(
      lease({ holderIdentity: 'a', renewTime: '2026-11-22T11:50:00.000000Z' }),
      'system/mine',
      now,
    ),
    'failed',
    /10m ago/,
  ],
  [
    'no configuration',
    coverageResult(undefined, { ...place, wanted: [] }),
    'failed',
    /hook does not exist/,
  ],
  ['no links', coverageResult(configuration(), { ...place, wanted: [] }), 'ok', /No namespace/],
  [
    'all covered',
    coverageResult(configuration('shop'), { ...place, wanted: ['shop'] }),
    'ok',
    /1 namespace/,
  ],
  [
    'one that is not covered',
    coverageResult(configuration('shop'), { ...place, wanted: ['shop', 'bank'] }),
    'failed',
    /in bank get no sidecar/,
  ],
  [
    'links of system namespaces',
    coverageResult(configuration('shop'), { ...place, wanted: ['shop', 'kube-system'] }),
    'warning',
    /kube-system are never/,
  ],
  [
    'a caBundle without certificates',
    trustResult(configuration('shop'), undefined, now),
    'failed',
    /no authority/,
  ],
  ['all permissions', permissionResult(3, []), 'ok', /All 3/],
  ['missing permissions', permissionResult(3, ['get secrets']), 'failed', /may not get secrets/],
  [
    'a pod that comes back bare',
    trial && injectionResult('', trial, trial.pod),
    'failed',
    /comes back without it/,
  ],
  ['no links to look at', linkResults([])[0], 'ok', /none/],
  ['a link that is well', linkResults([view({ senders: senders() })])[0], 'ok', /1 of 1/],
  [
    'a link that is not Ready',
    linkResults([view({ ready: false, conditions: [condition('False', 'Why.')] })])[0],
    'failed',
    /Why\./,
  ],
  [
    'a link that was not looked at',
    linkResults([view({ ready: false, notSeen: 'Not yet.' })])[0],
    'warning',
    /Not yet/,
  ],
  [
    'a sidecar with a problem',
    linkResults([view({ senders: senders('401 from a host') })])[0],
    'warning',
    /web-1: 401/,
  ],
  ['readiness', readyzResult('', 200, '{"checks":{"a":{"ok":true}}}'), 'ok', /1 checks/],
  [
    'no readiness',
    readyzResult('', 503, '{"checks":{"a":{"ok":true},"lease":{"ok":false,"message":"lost"}}}'),
    'failed',
    /503: lease: lost$/,
  ],
  [
    'the answer of a stranger',
    readyzResult('', 404, 'nothing here'),
    'failed',
    /404: nothing here/,
  ],
]

for (const [title, result, outcome, said] of table) {
  test(`${title}: ${outcome}`, () => {
    assert.equal(result?.outcome, outcome, JSON.stringify(result))
    assert.match(result?.message ?? '', said)
  })
}

test('names of an installation are those that its Deployment is started with', () => {
  const { namespace, serviceAccount, lease: leaseName, webhook, webhookSecret } = installation
  assert.deepEqual(
    [namespace, serviceAccount, leaseName, webhook, webhookSecret],
    ['system', 'lsl', 'mine', 'hook', 'logstash-link-webhook-tls'],
  )
})

test('a pod that comes back with its sidecar, or with the reason why not, is told so', () => {
  assert.ok(trial)
  const { pod } = inject({
    pod: trial.pod,
    namespace: 'shop',
    links: [accepted],
    options: operatorOptions,
  })
  assert.equal(injectionResult('', trial, pod).outcome, 'ok')
})

test('no pod is tried for a link that is not accepted, or whose labels cannot be told', () => {
  const expressions = { matchExpressions: [{ key: 'app', operator: 'Exists' }] }
  const other = linkOf({
    receiver: { selector: expressions, deliver: { stdout: {} } },
    sender: undefined,
  })
  assert.deepEqual(trialOf(linkOf()), [])
  assert.deepEqual(trialOf({ ...other, status: accepted.status }), [])
})

test('the caBundle is held against the certificate where that may be read', async () => {
  const [ours, theirs] = [await makeTestAuthority(), await makeTestAuthority()]
  const { certPem, keyPem } = await ours.leaf()
  const data = Object.entries({ 'tls.crt': certPem, 'tls.key': keyPem, 'ca.crt': ours.caPem })
  const secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'tls', namespace: 'system' },
    data: Object.fromEntries(data.map(([key, pem]) => [key, Buffer.from(pem).toString('base64')])),
  }
  const leaf = leafOf(secret, Date.now())
  assert.equal(trustResult(trusting(ours.caPem), leaf, Date.now()).outcome, 'ok')
  assert.equal(trustResult(trusting(theirs.caPem), leaf, Date.now()).outcome, 'failed')
  assert.equal(trustResult(trusting(theirs.caPem), undefined, Date.now()).outcome, 'ok')
})

test('a Secret of the webhook that holds no certificate is one failure, and the other checks go on', async () => {
  const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'tls' }, data: {} }
  const get = (path: string): Promise<unknown> =>
    Promise.resolve(path.includes('/secrets/') ? secret : trusting(''))
  const found = await checkWebhookConfiguration({
    api: { get, post: get },
    links: [],
    views: [],
    namespace: 'shop',
    installation,
    now,
  })
  assert.deepEqual(
    found.map(({ name, outcome }) => [name, outcome]),
    [
      ['the webhook sees pods of all namespaces with links', 'ok'],
      ['the API server trusts the webhook', 'failed'],
    ],
  )
  assert.match(found[1]?.message ?? '', /a certificate in tls.crt/)
})

test('the API server is asked for each verb, with the names that bound it', () => {
  const asked = rights.flatMap((right) => questionsOf(right, installation))
  const find = (title: string) => asked.find((each) => each.title === title)?.attributes
  assert.deepEqual(find('patch logstashlinks/status'), {
    group: 'logstashlink.io',
    resource: 'logstashlinks',
    subresource: 'status',
    verb: 'patch',
  })
  for (const verb of ['list', 'patch']) {
    assert.equal(find(`${verb} mutatingwebhookconfigurations`)?.['name'], 'hook')
  }
  assert.deepEqual(
    [find('update leases')?.['name'], find('update leases')?.['namespace']],
    ['mine', 'system'],
  )
  assert.equal(find('list secrets'), undefined)
})

test('readiness is asked over HTTP, and a port where nobody listens is a finding', async (t) => {
  const server = createServer((_request, response) => response.end('{"checks":{}}')).listen(
    0,
    '127.0.0.1',
  )
  t.after(() => server.close())
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as AddressInfo
  assert.equal((await checkReadyz(`http://127.0.0.1:${port}/readyz`))[0]?.outcome, 'ok')
  assert.equal((await checkReadyz('http://127.0.0.1:1/readyz'))[0]?.outcome, 'failed')
})

async function results(api: Api): Promise<CheckResult[]> {
  const all: CheckResult[] = []
  const command = { where: { allNamespaces: true }, operatorNamespace: undefined, readyz: [] }
  for await (const some of runChecks(api, command)) all.push(...some)
  return all
}

test('whoever may see nothing is told so, without a failure', async () => {
  const all = await results(refusing(new ClusterError('Forbidden', 'you may not')))
  assert.ok(all.length > 3)
  assert.equal(exitCodeOf(all), 0)
})

test('an API server that does not answer ends the checks with one failure', async () => {
  const all = await results(refusing(new ClusterError('Unavailable', 'connect ECONNREFUSED')))
  assert.deepEqual(
    all.map(({ outcome, message }) => [outcome, message]),
    [['failed', 'connect ECONNREFUSED']],
  )
})

test('results are read without colour: a sign, the name, what was found, and what mends it', () => {
  const room = { width: 60, paint: paintFor(false) }
  const failed: CheckResult = {
    name: 'the operator runs',
    outcome: 'failed',
    message: 'Its Deployment is in no namespace: nobody looks after links.',
    mend: 'helm install',
  }
  assert.deepEqual(resultLines(failed, room), [
    '✘ the operator runs',
    '    Its Deployment is in no namespace: nobody looks after',
    '    links.',
    '  → helm install',
  ])
  assert.deepEqual(resultLines({ name: 'a', outcome: 'ok', message: 'b' }, room), ['✔ a  b'])
  assert.equal(summary([failed]), '0 ok, 0 warnings, 1 failed')
})

for (const [title, args, said] of [
  ['an argument', ['orders'], /Expected only flags, got "orders"/],
  [
    'an address that is none',
    ['--readyz', 'ftp://x'],
    /`--readyz` to be an address of http or https/,
  ],
  ['both namespaces', ['-n', 'a', '-A'], /got both/],
] as const) {
  test(`${title}: refused with code 2`, async () => {
    const io = capturedIo()
    assert.equal(await runCheck([...args], io), 2)
    assert.match(io.err(), said)
  })
}
