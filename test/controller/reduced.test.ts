import assert from 'node:assert/strict'
import test from 'node:test'
import { annotations } from '../../src/api/names.ts'
import type { KubeObject } from '../../src/api/objects.ts'
import { reducedPod, reducedSecret, reducedSlice } from '../../src/controller/reduced.ts'
import { makeTestAuthority } from '../support/certificates.ts'

const base64 = (text: string) => Buffer.from(text).toString('base64')

test('of a Secret certificates are kept, and that there are other keys', async () => {
  const authority = await makeTestAuthority()
  const { caPem } = authority
  const { certPem, keyPem } = await authority.leaf()
  const noted = { 'cert-manager.io/certificate-name': 'orders-receiver' }
  const lastApplied = { 'kubectl.kubernetes.io/last-applied-configuration': 'secret-word' }
  const annotated = { annotations: { ...noted, ...lastApplied } }
  const metadata = { name: 's', namespace: 'shop', resourceVersion: '7', ...annotated }
  const values = {
    'ca.crt': caPem,
    'tls.crt': `\n${certPem}${caPem}`,
    'tls.key': keyPem,
    both: certPem + keyPem,
    password: 'secret-word',
    empty: '',
  }
  const data = Object.fromEntries(Object.entries(values).map(([key, text]) => [key, base64(text)]))
  const secret: KubeObject = { apiVersion: 'v1', kind: 'Secret', metadata, data }
  const reduced = reducedSecret(secret)
  assert.deepEqual(reduced.metadata.annotations, noted)
  const kept = reduced['data'] as Record<string, string>
  assert.deepEqual(Object.keys(kept), Object.keys(data))
  for (const key of ['ca.crt', 'tls.crt', 'empty']) assert.equal(kept[key], data[key], key)
  for (const key of ['tls.key', 'both', 'password']) {
    assert.equal(kept[key], base64('withheld'), key)
  }
  assert.deepEqual(reducedSecret(reduced), reduced)
})

test('of a pod is kept what conditions and injection look at', () => {
  const reduced = reducedPod({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: 'web',
      namespace: 'shop',
      uid: 'u',
      labels: { app: 'web' },
      annotations: {
        'kubectl.kubernetes.io/last-applied-configuration': 'x'.repeat(1000),
        'sender.logstashlink.io/orders': '{}',
        [annotations.nudged]: 'now',
      },
      finalizers: ['a/b'],
    },
    spec: { hostNetwork: true, containers: [{ name: 'a', env: [] }] },
    status: {
      phase: 'Running',
      podIP: '10.0.0.1',
      conditions: [
        { type: 'Ready', status: 'True', lastProbeTime: 'now' },
        { type: 'Initialized', status: 'True' },
      ],
      initContainerStatuses: [
        { name: 'lsl-sender-orders', ready: true, restartCount: 1 },
        { name: 'x' },
      ],
      containerStatuses: [{ name: 'a' }],
    },
  })
  assert.deepEqual(reduced, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: 'web',
      namespace: 'shop',
      uid: 'u',
      labels: { app: 'web' },
      annotations: { 'sender.logstashlink.io/orders': '{}' },
    },
    spec: { hostNetwork: true },
    status: {
      phase: 'Running',
      podIP: '10.0.0.1',
      conditions: [{ type: 'Ready', status: 'True' }],
      initContainerStatuses: [{ name: 'lsl-sender-orders', ready: true }],
    },
  })
  assert.deepEqual(reducedPod(reduced), reduced)
})

test('a slice whose endpoints are null is one without endpoints', () => {
  const labels = { 'kubernetes.io/service-name': 's', more: 'x' }
  const metadata = { name: 'a', namespace: 'shop', labels }
  const slice = { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', metadata }
  const reduced = reducedSlice({ ...slice, addressType: 'IPv4', endpoints: null, ports: null })
  assert.deepEqual(reduced['endpoints'], [])
  assert.deepEqual(reduced.metadata.labels, { 'kubernetes.io/service-name': 's' })
})
