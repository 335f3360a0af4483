import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { injectionHash, injectionText, skipText } from '../../src/api/injection.ts'
import type { LogstashLink } from '../../src/api/link.ts'
import { certificateKind, injectedAnnotation, sidecarName } from '../../src/api/names.ts'
import type { KubeObject } from '../../src/api/objects.ts'
import type { Api } from '../../src/cli/status/api.ts'
import { gather } from '../../src/cli/status/gather.ts'
import { linkTree } from '../../src/cli/status/link-tree.ts'
import { linkView, reportKey, type Pod } from '../../src/cli/status/look.ts'
import { paintFor, surfaceOf } from '../../src/cli/status/paint.ts'
import { readReport, type Report } from '../../src/cli/status/report.ts'
import { treeLines } from '../../src/cli/status/tree.ts'
import { follow, runStatus } from '../../src/cli/status.ts'
import { ClusterError } from '../../src/kube/cluster.ts'
import { capturedIo } from '../support/captured-io.ts'
import { linkOf } from '../support/links.ts'

const now = Date.parse('2026-11-22T12:00:00Z')

function linkWith(
  conditions: Record<string, readonly [status: string, reason: string, message: string]>,
  status: object = {},
): LogstashLink {
  return {
    ...linkOf(),
    status: {
      observedGeneration: 3,
      conditions: Object.entries(conditions).map(([type, [state, reason, message]]) => ({
        type,
        status: state as 'True',
        reason,
        message,
        lastTransitionTime: '2026-11-22T10:00:00Z',
      })),
      hosts: ['10.1.0.12:9800'],
      hostCount: 1,
      ...status,
    },
  }
}

const ready = linkWith({
  Ready: ['True', 'Ready', 'All conditions hold.'],
  Accepted: ['True', 'Accepted', 'The link is accepted.'],
  Delivering: ['True', 'Delivering', 'No sidecar reports a problem.'],
})

function podOf(name: string, role: 'receiver' | 'sender', more: Partial<Pod> = {}): Pod {
  const link = linkOf()
  const hash = injectionHash(link, role)
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace: 'shop',
      labels: { app: role === 'receiver' ? 'indexer' : 'web', 'pod-template-hash': 'abc' },
      annotations: {
        [injectedAnnotation('orders', role)]: injectionText({ hash, healthPort: 9601 }),
      },
      ownerReferences: [
        { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web-abc', uid: 'u', controller: true },
      ],
    },
    status: {
      phase: 'Running',
      podIP: '10.1.0.20',
      initContainerStatuses: [{ name: sidecarName('orders', role), ready: true, restartCount: 0 }],
    },
    ...more,
  }
}

const bare = (name: string): Pod => {
  const { metadata, ...rest } = podOf(name, 'sender')
  const { annotations: _none, ...plain } = metadata
  return { ...rest, metadata: plain }
}

const certificate: KubeObject = {
  ...certificateKind,
  metadata: { name: 'orders-receiver', namespace: 'shop' },
  status: {
    notAfter: '2027-02-20T12:00:00Z',
    renewalTime: '2027-01-21T12:00:00Z',
    conditions: [{ type: 'Ready', status: 'True' }],
  },
}

const sender: Report = {
  asked: true,
  queue: { events: 1200, bytes: 2_097_152, maxSize: 67_108_864 },
  inFlight: 2,
  oldestEventAge: 1500,
  delivered: 98_765,
}

function lines(
  link: LogstashLink,
  pods: Pod[] | string,
  reports: Record<string, Report> = {},
  width = 120,
): string[] {
  const view = linkView({
    link,
    pods: typeof pods === 'string' ? { why: pods } : { items: pods },
    certificates: { items: [certificate] },
    reports: new Map(Object.entries(reports)),
  })
  return treeLines(linkTree(view, now), { width, paint: paintFor(false) })
}

test('a link that is well is told in one screen, with what its senders have in hand', () => {
  const reports = {
    [reportKey('web-1', 'orders', 'sender')]: sender,
    [reportKey('indexer-1', 'orders', 'receiver')]: { asked: true, connections: 1 } as const,
  }
  assert.deepEqual(
    lines(ready, [podOf('indexer-1', 'receiver'), podOf('web-1', 'sender')], reports),
    [
      'LogstashLink shop/orders ✔ Ready for 2h',
      '├─ conditions  ✔ all 2 hold',
      '├─ identity    ✔ Issuer shop-ca → Secret orders-receiver-tls, expires in 90d on 2027-02-20, renewed in 60d',
      '├─ receivers   ✔ 1 of 1 ready',
      '│  └─ indexer-1  ✔ 1 connection',
      '├─ hosts       ✔ 1: 10.1.0.12:9800',
      '└─ senders     ✔ 1 of 1 ready',
      '   └─ web-1  ✔ queue 1,200 events, 2.0 MiB of 64 MiB · 2 batches in flight · oldest event 1s · 98,765 delivered',
    ],
  )
})

const skipped = podOf('web-3', 'sender', {
  metadata: {
    ...podOf('web-3', 'sender').metadata,
    annotations: {
      [injectedAnnotation('orders', 'sender')]: skipText({
        reason: 'PortConflict',
        message: 'Port 9801 is used.',
      }),
    },
  },
})

for (const [title, link, pods, reports, expected] of [
  [
    'a condition that does not hold is told with its message',
    linkWith({
      Ready: ['False', 'NotReady', ''],
      HostsDiscovered: ['False', 'NoReadyEndpoints', 'Service has none.'],
    }),
    [],
    {},
    [
      '✘ not Ready for 2h: NotReady',
      '✘ 0 of 1 hold',
      'HostsDiscovered  ✘ NoReadyEndpoints: Service has none.',
    ],
  ],
  [
    'pods without a sidecar come with the command that mends it',
    ready,
    [bare('web-1')],
    {},
    [
      'senders     ✘ 0 of 1 ready',
      'web-1    ✘ has no sidecar',
      'kubectl rollout restart deployment/web -n shop',
    ],
  ],
  ['a pod that was left out says why', ready, [skipped], {}, ['web-3  ✘ Port 9801 is used.']],
  [
    'what a sidecar reports stands out',
    ready,
    [podOf('web-1', 'sender')],
    {
      [reportKey('web-1', 'orders', 'sender')]: readReport({
        problem: 'No host takes\u001b[2J events',
      }),
    },
    ['web-1  ✘ No host takes [2J events'],
  ],
  [
    'a sidecar that may not be asked is no fault of the link',
    ready,
    [podOf('web-1', 'sender')],
    { [reportKey('web-1', 'orders', 'sender')]: { asked: false, why: 'forbidden' } as const },
    ['web-1  ✔ not asked: forbidden'],
  ],
  ['pods that may not be seen are said so', ready, 'forbidden', {}, ['pods forbidden']],
  [
    'a link that the operator has not seen is not Ready',
    { ...linkOf(), status: {} } as LogstashLink,
    [],
    {},
    ['shop/orders ? The operator has not looked at this link yet'],
  ],
  [
    'a change that the operator has not seen is told',
    linkWith({ Ready: ['True', 'Ready', ''] }, { observedGeneration: 2 }),
    [],
    {},
    ['the status is of generation 2'],
  ],
] as const) {
  test(title, () => {
    const text = lines(link, pods as Pod[] | string, reports).join('\n')
    for (const part of expected) assert.ok(text.includes(part), `${part}\nin\n${text}`)
  })
}

for (const width of [60, 80, 200]) {
  test(`no line is wider than ${width} columns, but for words that are`, () => {
    const link = linkWith({
      Ready: ['False', 'NotReady', ''],
      SendersInjected: ['False', 'NotInjected', 'Without a sidecar: web-1. '.repeat(12)],
    })
    for (const line of lines(link, [podOf('web-1', 'sender'), bare('web-2')], {}, width)) {
      const widestWord = Math.max(...line.split(/\s+/).map((word) => word.length))
      assert.ok(line.length <= Math.max(width, widestWord + 16), `${line.length}: ${line}`)
    }
  })
}

test('colours are for terminals, and not where NO_COLOR is set', () => {
  const terminal = { isTTY: true, columns: 100 } as unknown as NodeJS.WritableStream
  assert.deepEqual(surfaceOf(terminal, {}), { width: 100, coloured: true, isTerminal: true })
  assert.equal(surfaceOf(terminal, { NO_COLOR: '1' }).coloured, false)
  assert.equal(surfaceOf(capturedIo().stdout, {}).coloured, false)
})

function apiWith(answers: Record<string, unknown>): Api & { asked: string[] } {
  const asked: string[] = []
  return {
    asked,
    async get(path) {
      const [plain = ''] = path.split('?')
      asked.push(plain)
      const answer = answers[plain]
      if (answer instanceof Error) throw answer
      if (answer === undefined) throw new ClusterError('NotFound', `${plain} is not there`)
      return answer
    },
    post: () => Promise.reject(new ClusterError('Forbidden', 'no writes')),
  }
}

const pods = '/api/v1/namespaces/shop/pods'
const links = '/apis/logstashlink.io/v1alpha1/logstashlinks'

test('what may not be read is told, and sidecars are asked no more after the first refusal', async () => {
  const forbidden = new ClusterError('Forbidden', 'User "a" cannot get resource "pods/proxy"')
  const many = Array.from({ length: 40 }, (_, index) => podOf(`web-${index}`, 'sender'))
  const api = apiWith({
    [links]: { items: [ready] },
    [pods]: { items: many },
    '/apis/cert-manager.io/v1/namespaces/shop/certificates': new ClusterError('Forbidden', 'no'),
    ...Object.fromEntries(
      many.map((pod) => [`${pods}/${pod.metadata.name}:9601/proxy/status`, forbidden]),
    ),
  })
  const { views } = await gather(api, { namespace: undefined, name: undefined })
  const reports = views[0]?.senders?.pods.map(({ report }) => report) ?? []
  assert.equal(reports.length, 40)
  assert.ok(reports.every((report) => !report.asked && report.why === 'forbidden'))
  assert.ok(api.asked.filter((path) => path.endsWith('/proxy/status')).length <= 16)
})

test('lists are read page by page', async () => {
  const other = linkOf({}, { name: 'bills' })
  const api: Api = {
    async get(path) {
      if (!path.startsWith(links)) return { items: [] }
      return path.includes('continue=next')
        ? { items: [other] }
        : { items: [ready], metadata: { continue: 'next' } }
    },
    post: () => Promise.reject(new Error('not asked')),
  }
  const { views } = await gather(api, { namespace: undefined, name: undefined })
  assert.deepEqual(
    views.map(({ name }) => name),
    ['bills', 'orders'],
  )
})

for (const [title, args, said] of [
  ['two names', ['a', 'b'], /Expected at most 1 argument beside the flags, got "b"/],
  [
    'a namespace and all of them',
    ['-n', 'a', '-A'],
    /`--namespace` or `--all-namespaces`, got both/,
  ],
  ['a name in all namespaces', ['a', '-A'], /name of a link or `--all-namespaces`, got both/],
  ['an unknown format', ['-o', 'xml'], /`--output` to be one of tree, json/],
] as const) {
  test(`${title}: refused with code 2`, async () => {
    const io = capturedIo()
    assert.equal(await runStatus([...args], io), 2)
    assert.match(io.err(), said)
  })
}

const listed = { items: [ready] }
const away = new ClusterError('Unavailable', 'connect ECONNREFUSED')
const where = { namespace: 'shop', name: undefined }

/** Answers of the list of links one after another; who follows ends with the last. */
function inTurn(...answers: (object | ClusterError)[]): { api: Api; ending: AbortSignal } {
  const ending = new AbortController()
  const get = (path: string): Promise<unknown> => {
    if (!path.includes('/logstashlinks?')) return Promise.resolve({ items: [] })
    const answer = answers.shift()
    if (answers.length === 0) ending.abort()
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer)
  }
  return { api: { get, post: get }, ending: ending.signal }
}

test('whoever follows is told once that the API server is away, and goes on when it is back', async () => {
  const { api, ending } = inTurn(listed, away, away, listed)
  const io = capturedIo()
  assert.equal(await follow(api, { output: 'JSON' }, where, io, ending, 1), 0)
  assert.equal(io.err(), 'connect ECONNREFUSED\n')
  assert.equal(io.out().match(/"links"/g)?.length, 2)
})

test('what is refused for good ends it, and nothing seen is no success', async () => {
  const refused = inTurn(new ClusterError('Forbidden', 'you may not'), listed)
  const options = [{ output: 'JSON' }, where, capturedIo()] as const
  await assert.rejects(follow(refused.api, ...options, refused.ending, 1), { reason: 'Forbidden' })
  const unseen = inTurn(away)
  assert.equal(await follow(unseen.api, ...options, unseen.ending, 1), 1)
})

test('an API server that cannot be reached is a sentence without a stack', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'status-'))
  const kubeconfig = join(folder, 'kubeconfig')
  const config = {
    'current-context': 'gone',
    contexts: [{ name: 'gone', context: { cluster: 'gone', user: 'me' } }],
    clusters: [{ name: 'gone', cluster: { server: 'http://127.0.0.1:1' } }],
    users: [{ name: 'me', user: {} }],
  }
  writeFileSync(kubeconfig, JSON.stringify({ apiVersion: 'v1', kind: 'Config', ...config }))
  const io = capturedIo()
  try {
    assert.equal(await runStatus(['--kubeconfig', kubeconfig], io), 1)
    assert.match(io.err(), /ECONNREFUSED/)
    assert.doesNotMatch(io.err(), /\n\s+at /)
  } finally {
    rmSync(folder, { recursive: true })
  }
})
