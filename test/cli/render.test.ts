import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { parseAllDocuments } from 'yaml'
import type { KubeObject } from '../../src/api/objects.ts'
import { renderAll } from '../../src/cli/render-objects.ts'
import { runRender } from '../../src/cli/render.ts'
import { TerminalError } from '../../src/errors.ts'
import { capturedIo } from '../support/captured-io.ts'
import { makeTestAuthority } from '../support/certificates.ts'
import { linkOf, operatorOptions } from '../support/links.ts'
import { badSamples, goodSamples } from '../support/samples.ts'

const now = '2026-11-22T12:00:00Z'

const withoutUid = (): KubeObject => {
  const { metadata, ...rest } = linkOf()
  return { ...rest, metadata: { name: metadata.name, namespace: 'shop' } }
}

const template = { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'c' }] } }

function workload(apiVersion: string, kind: string, spec: object): KubeObject {
  return { apiVersion, kind, metadata: { name: 'web', namespace: 'shop' }, spec }
}

function pod(name: string, labels: Record<string, string>, spec: object): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'shop', labels },
    spec: { containers: [{ name: 'c' }], ...spec },
  }
}

test('a link becomes all objects that the operator would write, without a password', () => {
  const { objects, problems } = renderAll({
    objects: [withoutUid()],
    options: operatorOptions,
    now,
  })
  assert.deepEqual(problems, [])
  assert.deepEqual(
    objects.map(({ object }) => `${object.kind} ${object.metadata.name}`),
    [
      'Service orders-receiver',
      'Secret orders-keystore-password',
      'Certificate orders-receiver',
      'ConfigMap orders-receiver',
      'ConfigMap orders-sender',
    ],
  )
  const secret = objects[1]?.object
  assert.equal(secret?.['data'], undefined)
  assert.deepEqual(secret?.['stringData'], { password: '(random, made by the operator once)' })
})

for (const [title, object, name] of [
  ['a Deployment', workload('apps/v1', 'Deployment', { template }), 'preview-of-deployment-web'],
  ['a StatefulSet', workload('apps/v1', 'StatefulSet', { template }), 'preview-of-statefulset-web'],
  ['a DaemonSet', workload('apps/v1', 'DaemonSet', { template }), 'preview-of-daemonset-web'],
  ['a Job', workload('batch/v1', 'Job', { template }), 'preview-of-job-web'],
  [
    'a CronJob',
    workload('batch/v1', 'CronJob', { jobTemplate: { spec: { template } } }),
    'preview-of-cronjob-web',
  ],
] as const) {
  test(`the pods of ${title} are shown with their sidecar, under a name that says so`, () => {
    const { pods } = renderAll({ objects: [withoutUid(), object], options: operatorOptions, now })
    assert.equal(pods.length, 1)
    const [{ object: preview, notes } = { object: undefined, notes: [] }] = pods
    assert.equal(preview?.metadata.name, name)
    assert.match(notes.join('\n'), /Preview of the pods of .* shop\/web.*sender of link orders/)
    const { initContainers } = (preview?.['spec'] ?? {}) as { initContainers?: { name: string }[] }
    assert.deepEqual(
      initContainers?.map((each) => each.name),
      ['lsl-sender-orders'],
    )
  })
}

test('a pod that is left out is shown with the reason, one that no link selects is not shown', () => {
  const objects = [
    withoutUid(),
    pod('host', { app: 'web' }, { hostNetwork: true }),
    pod('other', { app: 'other' }, {}),
  ]
  const { pods } = renderAll({ objects, options: operatorOptions, now })
  assert.deepEqual(
    pods.map(({ object }) => object.metadata.name),
    ['host'],
  )
  assert.match(
    pods[0]?.notes.join('\n') ?? '',
    /no sidecar\nNo sender of link orders: .*hostNetwork/,
  )
})

test('every sample that a cluster takes is rendered, or is said not to be built', () => {
  for (const { name, link, others } of goodSamples()) {
    const { objects, problems } = renderAll({
      objects: [link, ...others],
      options: operatorOptions,
      now,
    })
    assert.ok(objects.length > 0 || problems.length > 0, name)
  }
})

test('what a trust Secret of the files holds stands in the settings of the senders', async () => {
  const { caPem: ca } = await makeTestAuthority()
  const link = linkOf({
    receiver: { hosts: ['10.0.0.1'] },
    tls: { trust: { secretRef: { name: 'ca', key: 'ca.crt' } } },
  })
  const secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'ca', namespace: 'shop' },
    stringData: { 'ca.crt': ca },
  }
  const { objects } = renderAll({ objects: [link, secret], options: operatorOptions, now })
  const data = (objects.at(-1)?.object['data'] ?? {}) as Record<string, string>
  assert.match(data['ca.crt'] ?? '', /BEGIN CERTIFICATE/)
})

async function onFile(
  texts: readonly string[],
  more: string[] = [],
): Promise<{ code: number; out: string; err: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'render-'))
  try {
    const files = texts.map((text, index) => {
      const file = join(folder, `${index}.yaml`)
      writeFileSync(file, text)
      return ['-f', file]
    })
    const io = capturedIo()
    const code = await runRender([...files.flat(), ...more], io)
    return { code, out: io.out(), err: io.err() }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const yaml = `apiVersion: logstashlink.io/v1alpha1
kind: LogstashLink
metadata: {name: orders}
spec: {receiver: {hosts: ["10.0.0.1:9800"]}, sender: {selector: {matchLabels: {app: web}}, collect: {http: {port: 9801}}}}
`

test('several files are rendered together, in the namespace that the command names', async () => {
  const { code, out } = await onFile([yaml, yaml.replace('orders', 'bills')], ['-n', 'shop'])
  assert.equal(code, 0)
  const documents = parseAllDocuments(out).map((each) => each.toJS() as KubeObject)
  assert.deepEqual(
    documents.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`),
    ['shop/orders-sender', 'shop/bills-sender'],
  )
})

test('-o json prints one List', async () => {
  const { out } = await onFile([yaml], ['-o', 'json'])
  const list = JSON.parse(out) as { kind: string; items: unknown[] }
  assert.deepEqual([list.kind, list.items.length], ['List', 1])
})

test('all that is refused is told together', async () => {
  const bad = yaml.replace('9800', '0').replace('9801', '70000')
  await assert.rejects(onFile([bad]), (error: TerminalError) => {
    assert.equal(error.code, 'LSL_MANIFEST_INVALID')
    assert.match(error.message, /spec\.receiver\.hosts\[0\]/)
    assert.match(error.message, /spec\.sender\.collect\.http\.port/)
    return true
  })
})

test('every sample that a cluster refuses at write is refused', async () => {
  for (const { name, link } of badSamples('refused-at-write')) {
    await assert.rejects(onFile([JSON.stringify(link)]), TerminalError, name)
  }
})

for (const [title, args, said] of [
  ['no file', [], /Expected `--file` to name manifests/],
  ['an unknown format', ['-f', 'x', '-o', 'xml'], /Expected `--output` to be one of yaml, json/],
  ['an unknown part', ['-f', 'x', '--only', 'all'], /Expected `--only` to be one of objects, pods/],
] as const) {
  test(`${title} is a usage error`, async () => {
    const io = capturedIo()
    assert.equal(await runRender([...args], io), 2)
    assert.match(io.err(), said)
  })
}
