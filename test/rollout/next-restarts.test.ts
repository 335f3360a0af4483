import assert from 'node:assert/strict'
import test from 'node:test'
import { injectionHash, injectionText, skipText } from '../../src/api/injection.ts'
import type { LogstashLink } from '../../src/api/link.ts'
import { injectedAnnotation } from '../../src/api/names.ts'
import type { ObservedPod } from '../../src/api/observed.ts'
import { holdOf, needsRestarts } from '../../src/rollout/hold.ts'
import { nextRestarts, settleMs, type Workload } from '../../src/rollout/next-restarts.ts'
import { readWants, wantsOf, wantsText } from '../../src/rollout/wants.ts'
import { linkOf, observedPod } from '../support/links.ts'

const link = linkOf({ rollout: 'Automatic' })
const wants = wantsOf([{ link, role: 'sender' }])
const note = injectedAnnotation('orders', 'sender')

function bare(name: string, workload = 'Deployment/web', more: Partial<ObservedPod> = {}) {
  return observedPod(name, { workload, ...more })
}

function good(name: string, workload = 'Deployment/web') {
  const injection = { hash: injectionHash(link, 'sender'), healthPort: 9601 }
  return bare(name, workload, { annotations: { [note]: injectionText(injection) } })
}

function workload(name: string, more: Partial<Workload> = {}): Workload {
  return {
    name,
    uid: `uid-of-${name}`,
    progress: { state: 'through' },
    wants,
    restartedFor: {},
    leftOut: {},
    lackingForMs: settleMs,
    ...more,
  }
}

const gaveUp = { state: 'failed', why: 'its progress deadline is exceeded' } as const
const web = 'Deployment/web'
const other = 'Deployment/zoo'

interface Case {
  title: string
  pods?: ObservedPod[]
  workloads?: Workload[]
  mayRestart?: boolean
  restart?: string
  waiting?: string[]
  failed?: string[]
  findings: RegExp[]
  requeueAfterMs?: number
}

const both = [bare('web-1'), bare('zoo-1', other)]
const cases: Case[] = [
  {
    title: 'nothing where all pods are as they should be',
    pods: [good('web-1')],
    workloads: [workload(web)],
    findings: [],
  },
  {
    title: 'the first by name, and the others wait',
    pods: both,
    workloads: [workload(other), workload(web)],
    restart: web,
    waiting: [other],
    findings: [/^Being restarted: Deployment\/web\.$/, /^Waiting to be restarted: Deployment\/zoo/],
    requeueAfterMs: 2000,
  },
  {
    title: 'a workload whose pods are outdated',
    pods: [
      bare('web-1', web, {
        annotations: { [note]: injectionText({ hash: 'old', healthPort: 1 }) },
      }),
    ],
    workloads: [workload(web)],
    restart: web,
    findings: [/^Being restarted/],
    requeueAfterMs: 2000,
  },
  {
    title: 'a workload whose pods were left out under an older spec',
    pods: [
      bare('web-1', web, {
        annotations: { [note]: skipText({ reason: 'VolumeMissing', message: 'x', hash: 'old' }) },
      }),
    ],
    workloads: [workload(web)],
    restart: web,
    findings: [/^Being restarted/],
    requeueAfterMs: 2000,
  },
  {
    title: 'nothing for pods that were left out under the spec of now',
    pods: [
      bare('web-1', web, {
        annotations: {
          [note]: skipText({
            reason: 'PortConflict',
            message: 'x',
            hash: injectionHash(link, 'sender'),
          }),
        },
      }),
    ],
    workloads: [workload(web)],
    findings: [],
  },
  {
    title: 'nothing for pods that opt out, are finished or use their node’s network',
    pods: [
      bare('a', web, { labels: { 'logstashlink.io/inject': 'false' } }),
      bare('b', web, { finished: true }),
      bare('c', web, { hostNetwork: true }),
    ],
    workloads: [workload(web)],
    findings: [],
  },
  {
    title: 'none while the one that was restarted is under way, though its pods are all new',
    pods: [good('web-1'), bare('zoo-1', other)],
    workloads: [
      workload(web, { restartedFor: wants, progress: { state: 'under way' } }),
      workload(other),
    ],
    waiting: [other],
    findings: [/^Being restarted: Deployment\/web/, /^Waiting to be restarted: Deployment\/zoo/],
    requeueAfterMs: 2000,
  },
  {
    title: 'the next once the first is through',
    pods: [good('web-1'), bare('zoo-1', other)],
    workloads: [workload(web, { restartedFor: wants }), workload(other)],
    restart: other,
    findings: [/^Being restarted: Deployment\/zoo/],
    requeueAfterMs: 2000,
  },
  {
    title: 'none after one whose rollout failed',
    pods: both,
    workloads: [workload(web, { restartedFor: wants, progress: gaveUp }), workload(other)],
    waiting: [other],
    failed: [web],
    findings: [
      /^The restart of Deployment\/web failed, as its progress deadline is exceeded; no other/,
      /^Waiting to be restarted: Deployment\/zoo/,
    ],
    requeueAfterMs: 30_000,
  },
  {
    title: 'never one twice for one hash',
    workloads: [workload(web, { restartedFor: wants })],
    findings: [
      /^Restarted once and still lacking a sidecar, so not restarted again: Deployment\/web/,
    ],
    requeueAfterMs: 30_000,
  },
  {
    title: 'one that was restarted for what the link wanted before',
    workloads: [workload(web, { restartedFor: { 'sender/orders': 'before' } })],
    restart: web,
    findings: [/^Being restarted/],
    requeueAfterMs: 2000,
  },
  {
    title: 'one that was restarted for another link',
    workloads: [workload(web, { restartedFor: { 'sender/other': 'x' } })],
    restart: web,
    findings: [/^Being restarted/],
    requeueAfterMs: 2000,
  },
  {
    title: 'none that is paused',
    workloads: [workload(web, { progress: { state: 'held', why: 'it is paused' } })],
    findings: [/^Not restarted: Deployment\/web, as it is paused\.$/],
    requeueAfterMs: 30_000,
  },
  {
    title: 'the next where one fails of itself',
    pods: both,
    workloads: [workload(web, { progress: gaveUp }), workload(other)],
    restart: other,
    findings: [
      /^Being restarted: Deployment\/zoo/,
      /^Not restarted: Deployment\/web, as its progress/,
    ],
    requeueAfterMs: 2000,
  },
  {
    title: 'the next where one has pods that are not ready',
    pods: both,
    workloads: [workload(web, { progress: { state: 'under way' } }), workload(other)],
    restart: other,
    waiting: [web],
    findings: [/^Being restarted: Deployment\/zoo/, /^Waiting to be restarted: Deployment\/web/],
    requeueAfterMs: 2000,
  },
  {
    title: 'none whose new pods would lack the sidecar as well',
    workloads: [workload(web, { leftOut: { sender: 'The pod opts out.' } })],
    findings: [
      /^Not restarted: Deployment\/web, as its new pods would .*too\. The pod opts out\.$/,
    ],
    requeueAfterMs: 30_000,
  },
  {
    title: 'none that lacks it only since a moment',
    workloads: [workload(web, { lackingForMs: settleMs - 1200 })],
    waiting: [web],
    findings: [/^Waiting to be restarted: Deployment\/web/],
    requeueAfterMs: 1200,
  },
  {
    title: 'none where so many were restarted already',
    workloads: [workload(web)],
    mayRestart: false,
    waiting: [web],
    findings: [/^Waiting to be restarted: Deployment\/web/],
    requeueAfterMs: 30_000,
  },
  {
    title: 'nobody who makes pods in another way',
    pods: [bare('job-1', 'Job/job'), observedBare('alone'), bare('set-1', 'ReplicaSet/set')],
    workloads: [],
    findings: [/^Not restarted, as no Deployment.* makes them: alone, job-1, set-1\.$/],
    requeueAfterMs: 30_000,
  },
]

function observedBare(name: string): ObservedPod {
  const { workload: _, ...pod } = bare(name)
  return pod
}

for (const {
  title,
  pods = [bare('web-1')],
  workloads = [],
  mayRestart = true,
  ...expected
} of cases) {
  test(`restarts ${title}`, () => {
    const found = nextRestarts({ link, pods, workloads, mayRestart })
    assert.equal(found.restart, expected.restart)
    assert.deepEqual(found.waiting, expected.waiting ?? [])
    assert.deepEqual(found.failed, expected.failed ?? [])
    assert.equal(found.findings.length, expected.findings.length, found.findings.join('\n'))
    for (const [index, sentence] of expected.findings.entries()) {
      assert.match(found.findings[index] ?? '', sentence)
    }
    assert.equal(found.requeueAfterMs, expected.requeueAfterMs)
  })
}

test('a pod with both roles is restarted once for both, and for the one that may come', () => {
  const selector = { matchLabels: { app: 'web' } }
  const relay = linkOf({
    rollout: 'Automatic',
    receiver: { selector, deliver: { stdout: {} } },
  })
  const all = wantsOf([
    { link: relay, role: 'receiver' },
    { link: relay, role: 'sender' },
  ])
  const pods = [bare('web-1', web, { roles: ['receiver', 'sender'] })]
  const look = (more: Partial<Workload>) =>
    nextRestarts({ link: relay, pods, workloads: [workload(web, more)], mayRestart: true }).restart
  assert.equal(look({ wants: all }), web)
  assert.equal(look({ wants: all, leftOut: { receiver: 'no' } }), web)
  assert.equal(look({ wants: all, restartedFor: all }), undefined)
})

test('two links that pick the same pods restart them once: each finds its hash in the annotation', () => {
  const second = linkOf({ rollout: 'Automatic' }, { name: 'second' })
  const text = wantsText(
    wantsOf([
      { link: second, role: 'sender' },
      { link, role: 'sender' },
    ]),
  )
  const swapped = wantsOf([
    { link, role: 'sender' },
    { link: second, role: 'sender' },
  ])
  assert.equal(text, wantsText(swapped))
  const look = (of: LogstashLink) =>
    nextRestarts({
      link: of,
      pods: [bare('web-1')],
      workloads: [workload(web, { restartedFor: readWants(text) })],
      mayRestart: true,
    }).restart
  assert.deepEqual([look(link), look(second)], [undefined, undefined])
  const changed = linkOf(
    {
      rollout: 'Automatic',
      sender: { selector: { matchLabels: { app: 'web' } }, collect: { http: { port: 9850 } } },
    },
    { name: 'second' },
  )
  assert.deepEqual([look(link), look(changed)], [undefined, web])
})

const texts: [string | undefined, object][] = [
  [undefined, {}],
  ['', {}],
  ['[1]', {}],
  ['null', {}],
  ['{"sender/a":"x","sender/b":1}', { 'sender/a': 'x' }],
]
for (const [text, expected] of texts) {
  test(`an annotation that says ${text} is read as ${JSON.stringify(expected)}`, () => {
    assert.deepEqual(readWants(text), expected)
  })
}

const yes = { accepted: true, identityReady: true, covered: true }
const holds: [string, LogstashLink, typeof yes, RegExp | undefined][] = [
  ['nothing', link, yes, undefined],
  ['suspension', linkOf({ rollout: 'Automatic', suspend: true }), yes, /suspended/],
  ['a link that is not accepted', link, { ...yes, accepted: false }, /accepted/],
  ['a webhook that does not serve the namespace', link, { ...yes, covered: false }, /webhook/],
  ['certificates that are not issued', link, { ...yes, identityReady: false }, /certificates/],
]
for (const [title, of, prospects, expected] of holds) {
  test(`restarts are held back by ${title}`, () => {
    const found = holdOf(of, prospects)
    if (expected === undefined) assert.equal(found, undefined)
    else assert.match(found ?? '', expected)
  })
}

test('OnRestart restarts nothing', () => {
  assert.equal(needsRestarts(link, [bare('web-1')]), true)
  assert.equal(needsRestarts(link, [good('web-1')]), false)
  assert.equal(needsRestarts(linkOf(), [bare('web-1')]), false)
})
