import assert from 'node:assert/strict'
import test from 'node:test'
import { sidecarResources } from '../../src/desired/sidecar-resources.ts'
import { linkOf, operatorOptions } from '../support/links.ts'

const receiver = { selector: { matchLabels: { app: 'indexer' } }, deliver: { stdout: {} } }

function asked(resources: object) {
  return linkOf({ receiver: { ...receiver, sidecar: { resources } } })
}

const byOperator = { requests: { cpu: '10m', memory: '200Mi' }, limits: { memory: '300Mi' } }
const cases: [string, object, typeof byOperator | undefined, object][] = [
  [
    'defaults for CPU and memory',
    {},
    undefined,
    { requests: { cpu: '50m', memory: '96Mi' }, limits: { cpu: '1', memory: '384Mi' } },
  ],
  [
    'the operator’s in place of defaults',
    {},
    byOperator,
    { requests: { cpu: '10m', memory: '200Mi' }, limits: { cpu: '1', memory: '300Mi' } },
  ],
  [
    'the link’s in place of the operator’s',
    { requests: { cpu: '20m' }, limits: { memory: '1Gi', 'ephemeral-storage': '1Gi' } },
    byOperator,
    {
      requests: { cpu: '20m', memory: '200Mi' },
      limits: { cpu: '1', memory: '1Gi', 'ephemeral-storage': '1Gi' },
    },
  ],
  [
    'a default request cut to the limit that was asked for',
    { limits: { memory: '64Mi', cpu: '0.02' } },
    undefined,
    { requests: { cpu: '0.02', memory: '64Mi' }, limits: { cpu: '0.02', memory: '64Mi' } },
  ],
  [
    'a default limit raised to the request that was asked for',
    { requests: { cpu: 2, memory: '1Gi' } },
    undefined,
    { requests: { cpu: '2', memory: '1Gi' }, limits: { cpu: '2', memory: '1Gi' } },
  ],
]
for (const [title, resources, defaultResources, expected] of cases) {
  test(`a sidecar gets ${title}`, () => {
    const options = {
      ...operatorOptions,
      ...(defaultResources === undefined ? {} : { defaultResources }),
    }
    assert.deepEqual(
      sidecarResources(asked(resources), 'receiver', { options, guaranteed: false }),
      expected,
    )
  })
}

const onDisk = (queue: object, resources: object = {}) =>
  sidecarResources(
    linkOf({
      sender: {
        selector: { matchLabels: { app: 'web' } },
        collect: { http: { port: 9801 } },
        queue: { type: 'Disk', maxSize: '1Gi', ...queue },
        sidecar: { resources },
      },
    }),
    'sender',
    { options: operatorOptions, guaranteed: false },
  )

test('a queue on disk takes no memory, and asks for room on the node where the emptyDir is ours', () => {
  const memory = { requests: { cpu: '50m', memory: '96Mi' }, limits: { cpu: '1', memory: '384Mi' } }
  assert.deepEqual(onDisk({ volume: 'spool' }), memory)
  assert.deepEqual(onDisk({}), {
    ...memory,
    requests: { ...memory.requests, 'ephemeral-storage': '1104Mi' },
  })
  assert.equal(
    onDisk({}, { requests: { 'ephemeral-storage': '2Gi' } }).requests?.['ephemeral-storage'],
    '2Gi',
  )
})

test('a larger queue raises the sender’s memory limit', () => {
  const link = linkOf({
    sender: {
      selector: { matchLabels: { app: 'web' } },
      collect: { http: { port: 9801 } },
      queue: { maxSize: '1Gi' },
    },
  })
  const context = { options: operatorOptions, guaranteed: false }
  assert.equal(sidecarResources(link, 'sender', context).limits?.['memory'], '1344Mi')
  assert.equal(sidecarResources(link, 'receiver', context).limits?.['memory'], '384Mi')
})
