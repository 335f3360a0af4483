import assert from 'node:assert/strict'
import test from 'node:test'
import { progressOf, type Progress } from '../../src/rollout/progress.ts'

type State = Progress['state']

const deployed = { observedGeneration: 2, replicas: 3, updatedReplicas: 3, availableReplicas: 3 }
const stateful = {
  observedGeneration: 2,
  readyReplicas: 3,
  currentRevision: 'a',
  updateRevision: 'a',
}
const daemons = {
  observedGeneration: 2,
  desiredNumberScheduled: 2,
  updatedNumberScheduled: 2,
  numberAvailable: 2,
}
const partition = { type: 'RollingUpdate', rollingUpdate: { partition: 1 } }
const givenUp = [{ type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded' }]

const cases: [string, string, object, object, State][] = [
  ['is all new and available', 'Deployment', { replicas: 3 }, deployed, 'through'],
  ['has no status yet', 'Deployment', { replicas: 3 }, {}, 'under way'],
  [
    'was changed after its status',
    'Deployment',
    { replicas: 3 },
    { ...deployed, observedGeneration: 1 },
    'under way',
  ],
  ['has old pods left', 'Deployment', { replicas: 3 }, { ...deployed, replicas: 4 }, 'under way'],
  [
    'has too few new pods',
    'Deployment',
    { replicas: 3 },
    { ...deployed, updatedReplicas: 2 },
    'under way',
  ],
  [
    'has pods that are not available',
    'Deployment',
    { replicas: 3 },
    { ...deployed, availableReplicas: 2 },
    'under way',
  ],
  ['gave up', 'Deployment', { replicas: 3 }, { ...deployed, conditions: givenUp }, 'failed'],
  [
    'gave up on an older template',
    'Deployment',
    { replicas: 3 },
    { ...deployed, observedGeneration: 1, conditions: givenUp },
    'under way',
  ],
  ['is paused', 'Deployment', { replicas: 3, paused: true }, deployed, 'held'],
  ['is all new and ready', 'StatefulSet', { replicas: 3 }, stateful, 'through'],
  [
    'has pods of an older revision',
    'StatefulSet',
    { replicas: 3 },
    { ...stateful, updateRevision: 'b' },
    'under way',
  ],
  [
    'has pods that are not ready',
    'StatefulSet',
    { replicas: 3 },
    { ...stateful, readyReplicas: 2 },
    'under way',
  ],
  [
    'waits for deletions',
    'StatefulSet',
    { replicas: 3, updateStrategy: { type: 'OnDelete' } },
    stateful,
    'held',
  ],
  ['has a partition', 'StatefulSet', { replicas: 3, updateStrategy: partition }, stateful, 'held'],
  ['is all new and available', 'DaemonSet', {}, daemons, 'through'],
  ['has old pods', 'DaemonSet', {}, { ...daemons, updatedNumberScheduled: 1 }, 'under way'],
  [
    'has pods that are not available',
    'DaemonSet',
    {},
    { ...daemons, numberAvailable: undefined },
    'under way',
  ],
  ['waits for deletions', 'DaemonSet', { updateStrategy: { type: 'OnDelete' } }, daemons, 'held'],
]
for (const [title, kind, spec, status, expected] of cases) {
  test(`a ${kind} that ${title} is ${expected}`, () => {
    const metadata = { name: 'web', generation: 2 }
    assert.equal(
      progressOf({ apiVersion: 'apps/v1', kind, metadata, spec, status }).state,
      expected,
    )
  })
}
