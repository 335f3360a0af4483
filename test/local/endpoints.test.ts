import assert from 'node:assert/strict'
import test from 'node:test'
import { endpointSlices } from '../../src/local/endpoints.ts'
import type { Pod } from '../../src/local/pod.ts'
import { pod } from '../support/local-runtime.ts'

const service = (ports: { name?: string; port: number; targetPort?: number | string }[]) => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'web', namespace: 'test', uid: 'u' },
  spec: { selector: { app: 'web' }, ports },
})

function running(name: string, ip: string, change: Partial<Pod> = {}): Pod {
  const made = pod(
    name,
    {
      containers: [{ name: 'app', ports: [{ name: 'http', containerPort: 8080 }] }],
      initContainers: [
        { name: 'side', restartPolicy: 'Always', ports: [{ name: 'lsl', containerPort: 9800 }] },
        { name: 'setup', ports: [{ name: 'setup', containerPort: 1 }] },
      ],
    },
    { app: 'web' },
  )
  const conditions = [{ type: 'Ready', status: 'True' as const, lastTransitionTime: '' }]
  return { ...made, status: { phase: 'Running', podIP: ip, conditions }, ...change }
}

test('named target ports are found in containers and native sidecars, each pod by its own', () => {
  const other = running('b', '127.0.0.3')
  other.spec.initContainers = [
    { name: 'side', restartPolicy: 'Always', ports: [{ name: 'lsl', containerPort: 9810 }] },
  ]
  const slices = endpointSlices(
    service([
      { name: 'http', port: 80, targetPort: 'http' },
      { name: 'lsl', port: 9800, targetPort: 'lsl' },
      { name: 'plain', port: 7000 },
      { name: 'none', port: 7001, targetPort: 'setup' },
    ]),
    [running('a', '127.0.0.2'), other],
  )
  assert.deepEqual(
    slices.map((slice) => [
      (slice['endpoints'] as { addresses: string[] }[]).map(({ addresses }) => addresses[0]),
      (slice['ports'] as { name: string; port: number }[]).map(
        ({ name, port }) => `${name} ${port}`,
      ),
    ]),
    [
      [['127.0.0.2'], ['http 8080', 'lsl 9800', 'plain 7000']],
      [['127.0.0.3'], ['http 8080', 'lsl 9810', 'plain 7000']],
    ],
  )
})

test('conditions follow readiness and deletion; pods without address or at their end are left out', () => {
  const unready = running('b', '127.0.0.3')
  unready.status = { phase: 'Running', podIP: '127.0.0.3' }
  const ending = running('c', '127.0.0.4')
  ending.metadata.deletionTimestamp = '2026-11-22T12:00:00Z'
  const noAddress = running('d', '', { status: { phase: 'Pending' } })
  const done = running('e', '127.0.0.6', { status: { phase: 'Succeeded', podIP: '127.0.0.6' } })
  const stranger = { ...running('f', '127.0.0.7'), metadata: { name: 'f', labels: { app: 'x' } } }
  const [slice] = endpointSlices(service([{ port: 80, targetPort: 8080 }]), [
    running('a', '127.0.0.2'),
    unready,
    ending,
    noAddress,
    done,
    stranger,
  ])
  assert.deepEqual(
    ((slice?.['endpoints'] ?? []) as { addresses: string[]; conditions: object }[]).map((each) => [
      each.addresses[0],
      each.conditions,
    ]),
    [
      ['127.0.0.2', { ready: true, serving: true, terminating: false }],
      ['127.0.0.3', { ready: false, serving: false, terminating: false }],
      ['127.0.0.4', { ready: false, serving: true, terminating: true }],
    ],
  )
})

test('a Service without a selector has no slices of ours', () => {
  assert.deepEqual(endpointSlices({ ...service([]), spec: {} }, [running('a', '127.0.0.2')]), [])
})
