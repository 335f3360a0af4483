import assert from 'node:assert/strict'
import test from 'node:test'
import type { Pod, PodStatus } from '../../src/local/pod.ts'
import { checkObject } from '../../src/local/known-kinds.ts'
import { jobKind, planJob, type Job } from '../../src/local/workloads/job.ts'
import {
  planStatefulSet,
  statefulSetKind,
  type StatefulSet,
} from '../../src/local/workloads/stateful-set.ts'

const now = '2026-11-22T12:00:00Z'
const template = (more: object = {}) => ({
  metadata: { labels: { app: 'batch' } },
  spec: {
    restartPolicy: 'Never' as const,
    containers: [{ name: 'app', command: ['node', '/app/main.mjs'], ...more }],
  },
})

function job(spec: object = {}): Job {
  return {
    ...jobKind,
    metadata: { name: 'load', namespace: 'shop', uid: 'u' },
    spec: { template: template(), ...spec },
  }
}

function planned(of: Job, phases: PodStatus['phase'][]) {
  let count = 0
  const pods = phases.map(
    (phase, index): Pod => ({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: `load-${index}` },
      spec: { containers: [] },
      status: { phase },
    }),
  )
  const plan = planJob(of, pods, { suffix: () => `n${count++}`, now })
  const { conditions = [], ...counts } = plan.status as {
    conditions?: { type: string; reason: string }[]
    active: number
    succeeded: number
    failed: number
  }
  return {
    create: plan.create.map(({ metadata }) => metadata.name),
    remove: plan.remove.map(({ metadata }) => metadata.name),
    counts: [counts.active, counts.succeeded, counts.failed],
    said: conditions.map(({ type, reason }) => `${type} ${reason}`),
  }
}

const jobs: [string, Job, PodStatus['phase'][], ReturnType<typeof planned>][] = [
  [
    'begins with one pod',
    job(),
    [],
    { create: ['load-n0'], remove: [], counts: [1, 0, 0], said: [] },
  ],
  ['waits for it', job(), ['Running'], { create: [], remove: [], counts: [1, 0, 0], said: [] }],
  [
    'is complete once it has succeeded',
    job(),
    ['Succeeded'],
    { create: [], remove: [], counts: [0, 1, 0], said: ['Complete CompletionsReached'] },
  ],
  [
    'makes another in place of one that failed',
    job(),
    ['Failed'],
    { create: ['load-n0'], remove: [], counts: [1, 0, 1], said: [] },
  ],
  [
    'fails past its limit, and ends what runs',
    job({ backoffLimit: 1, parallelism: 2, completions: 3 }),
    ['Failed', 'Failed', 'Running'],
    { create: [], remove: ['load-2'], counts: [0, 0, 2], said: ['Failed BackoffLimitExceeded'] },
  ],
  [
    'runs as many at once as it may, and no more than it needs',
    job({ parallelism: 3, completions: 4 }),
    ['Succeeded', 'Succeeded', 'Running'],
    { create: ['load-n0'], remove: [], counts: [2, 2, 0], said: [] },
  ],
]
for (const [title, of, phases, expected] of jobs) {
  test(`a Job ${title}`, () => assert.deepEqual(planned(of, phases), expected))
}

const ofOwner = { app: 'batch' }
function set(spec: object = {}): StatefulSet {
  return {
    ...statefulSetKind,
    metadata: { name: 'web', namespace: 'shop', uid: 'u' },
    spec: {
      replicas: 3,
      selector: { matchLabels: ofOwner },
      template: template(),
      volumeClaimTemplates: [{ metadata: { name: 'spool' } }],
      ...spec,
    },
  }
}

/** Pods of the set by number: made by its template of now or an older one, ready or not. */
function podsOf(
  of: StatefulSet,
  states: ('ready' | 'starting' | 'old' | 'old starting' | 'ending')[],
) {
  return states.map((state, index): Pod => {
    const made = planStatefulSet(
      { ...of, spec: { ...of.spec, podManagementPolicy: 'Parallel' } },
      [],
    )
    const pod = made.create[index]
    assert.ok(pod)
    const isReady = state === 'ready' || state === 'old'
    return {
      ...pod,
      metadata: {
        ...pod.metadata,
        ...(state === 'ending' ? { deletionTimestamp: now } : {}),
        labels: {
          ...pod.metadata.labels,
          ...(state.startsWith('old') ? { 'controller-revision-hash': 'old' } : {}),
        },
      },
      status: {
        phase: 'Running',
        conditions: [
          { type: 'Ready', status: isReady ? 'True' : 'False', lastTransitionTime: now },
        ],
      },
    }
  })
}

const sets: [string, object, Parameters<typeof podsOf>[1], string[], string[]][] = [
  ['begins with its first pod', {}, [], ['web-0'], []],
  ['waits until that is ready', {}, ['starting'], [], []],
  ['then makes the next', {}, ['ready'], ['web-1'], []],
  [
    'makes all at once where it may',
    { podManagementPolicy: 'Parallel' },
    [],
    ['web-0', 'web-1', 'web-2'],
    [],
  ],
  ['rolls from the last on', {}, ['old', 'old', 'old'], [], ['web-2']],
  ['waits for a pod that is ending, which holds its name', {}, ['old', 'old', 'ending'], [], []],
  ['rolls the next once the last is ready again', {}, ['old', 'old', 'ready'], [], ['web-1']],
  ['waits for one that starts', {}, ['old', 'old', 'starting'], [], []],
  [
    'replaces an old one that never became ready',
    {},
    ['old starting', 'old', 'old'],
    [],
    ['web-0'],
  ],
  [
    'leaves old ones alone with OnDelete',
    { updateStrategy: { type: 'OnDelete' } },
    ['old', 'ready', 'ready'],
    [],
    [],
  ],
  ['takes away the last where fewer are asked for', { replicas: 1 }, ['ready'], [], []],
]
for (const [title, spec, states, create, remove] of sets) {
  test(`a StatefulSet ${title}`, () => {
    const of = set(spec)
    const plan = planStatefulSet(of, podsOf(of, states))
    assert.deepEqual(
      plan.create.map(({ metadata }) => metadata.name),
      create,
    )
    assert.deepEqual(
      plan.remove.map(({ metadata }) => metadata.name),
      remove,
    )
  })
}

test('a pod that is one too many goes, and its claim stays', () => {
  const pods = podsOf(set(), ['ready', 'ready', 'ready'])
  const plan = planStatefulSet(set({ replicas: 2 }), pods)
  assert.deepEqual(
    plan.remove.map(({ metadata }) => metadata.name),
    ['web-2'],
  )
  assert.deepEqual(plan.claims, [])
})

test('a pod of a StatefulSet has claims of its own, made before it', () => {
  const { claims, create } = planStatefulSet(set(), [])
  assert.deepEqual(
    claims.map(({ kind, metadata }) => `${kind} ${metadata.namespace}/${metadata.name}`),
    ['PersistentVolumeClaim shop/spool-web-0'],
  )
  assert.deepEqual(create[0]?.spec.volumes, [
    { name: 'spool', persistentVolumeClaim: { claimName: 'spool-web-0' } },
  ])
})

const refusals: [string, object, RegExp][] = [
  [
    'a Job that restarts its pods for ever',
    job({ template: { ...template(), spec: { ...template().spec, restartPolicy: 'Always' } } }),
    /Job load: Expected `spec\.template\.spec\.restartPolicy` to be Never or OnFailure, got "Always"/,
  ],
  ['a Job with a deadline', job({ activeDeadlineSeconds: 5 }), /spec\.activeDeadlineSeconds/],
  ['a Job that is suspended', job({ suspend: true }), /spec\.suspend/],
  ['a Job with numbered pods', job({ completionMode: 'Indexed' }), /spec\.completionMode/],
  [
    'a StatefulSet that mounts what is no claim of it',
    set({ template: template({ volumeMounts: [{ name: 'data', mountPath: '/d' }] }) }),
    /to be a volume of the pod, got "data"/,
  ],
]
for (const [title, object, expected] of refusals) {
  test(`${title} is refused`, () => {
    assert.match(checkObject(object as Job).join('\n'), expected)
  })
}

test('a StatefulSet may mount its claims', () => {
  const object = set({ template: template({ volumeMounts: [{ name: 'spool', mountPath: '/d' }] }) })
  assert.deepEqual(checkObject(object), [])
})
