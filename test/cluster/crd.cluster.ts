/** The schema and the rules of LogstashLink as the real API server carries them out, and how kubectl shows links. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { readFileSync } from 'node:fs'
import { apiVersion, plural } from '../../src/api/names.ts'
import type { KubeObject } from '../../src/api/objects.ts'
import { badSamples, goodSamples } from '../support/samples.ts'
import { expectedWords } from './support/refusals.ts'
import { sharedTestCluster, type TestCluster } from './support/test-cluster.ts'

const examples = ['indexer', 'web'].map((name) =>
  readFileSync(new URL(`../../deploy/examples/${name}.yaml`, import.meta.url), 'utf8'),
)

describe('the CRD on a real API server', () => {
  let cluster: TestCluster
  let namespace: string
  before(async () => {
    cluster = await sharedTestCluster()
    namespace = await cluster.namespace()
  })
  after(() => cluster.stop())

  const links = () => `/apis/${apiVersion}/namespaces/${namespace}/${plural}`
  const write = (link: KubeObject, query = 'fieldValidation=Strict') =>
    cluster.api.ask('POST', `${links()}?${query}`, {
      ...link,
      metadata: { ...link.metadata, namespace },
    })

  const table = async (args: string[]) =>
    (await cluster.kubectl([...args, '-n', namespace])).split('\n').map((row) => row.trim())

  const taken = [...goodSamples(), ...badSamples('not-accepted')]
  for (const sample of taken) {
    it(`takes ${sample.name}`, async () => {
      const { status, body } = await write(sample.link)
      assert.equal(status, 201, body)
    })
  }

  for (const sample of badSamples('refused-at-write')) {
    it(`refuses ${sample.name} and names ${sample.field}`, async () => {
      const { status, body } = await write(sample.link)
      assert.ok(status === 422 || status === 400, `${status}: ${body}`)
      const { message } = JSON.parse(body) as { message: string }
      for (const part of expectedWords(sample, message)) assert.ok(message.includes(part), message)
    })
  }

  it('refuses an update in the same way, and leaves the link as it was', async () => {
    const sample = badSamples('refused-at-write').find(({ name }) => name === 'port-70000')
    assert.ok(sample)
    const [good] = goodSamples()
    assert.ok(good)
    const link = { ...good.link, metadata: { name: 'updated' } }
    const made = JSON.parse((await write(link)).body) as KubeObject
    const bad = { ...made, spec: sample.link['spec'] }
    const { status } = await cluster.api.ask('PUT', `${links()}/updated`, bad)
    assert.equal(status, 422)
    const now = await cluster.api.object('GET', `${links()}/updated`)
    assert.deepEqual(now['spec'], made['spec'])
  })

  it('drops an unknown field with a warning only for those who ask for no strictness', async () => {
    const sample = badSamples('refused-at-write').find(({ name }) => name === 'unknown-field')
    assert.ok(sample)
    const { status, body } = await write(sample.link, 'fieldValidation=Warn')
    assert.equal(status, 201, body)
    assert.doesNotMatch(body, /"prot"/)
  })

  it('fills in the defaults', async () => {
    const { spec } = await cluster.api.object<{
      spec: { receiver: { port: number }; tls: { enabled: boolean }; rollout: string }
    }>('GET', `${links()}/smallest`)
    assert.equal(spec.receiver.port, 9800)
    assert.equal(spec.rollout, 'OnRestart')
  })

  it('keeps spec and status apart', async () => {
    const conditions = [
      {
        type: 'Ready',
        status: 'True',
        reason: 'Ready',
        message: '',
        lastTransitionTime: '2026-11-22T10:00:00Z',
      },
    ]
    const patch = { apiVersion, kind: 'LogstashLink', metadata: { name: 'smallest' } }
    await cluster.api.object(
      'PATCH',
      `${links()}/smallest/status?fieldManager=test&fieldValidation=Strict`,
      {
        ...patch,
        spec: { suspend: true },
        status: { conditions, hosts: ['10.1.0.12:9800'], hostCount: 1 },
      },
      'application/apply-patch+yaml',
    )
    const { spec, status, metadata } = await cluster.api.object<{
      metadata: { generation: number }
      spec: { suspend?: boolean }
      status: { hosts: string[] }
    }>('GET', `${links()}/smallest`)
    assert.notEqual(spec.suspend, true)
    assert.deepEqual(status.hosts, ['10.1.0.12:9800'])
    assert.equal(metadata.generation, 1)
  })

  it('is shown by kubectl with its columns, by short name and by category', async () => {
    const columns = ['NAME', 'READY', 'RECEIVERS', 'SENDERS', 'HOSTS', 'EXPIRES', 'AGE']
    for (const resource of ['lsl', 'logstash', 'logstashlinks']) {
      const [head = '', ...rows] = await table(['get', resource])
      assert.deepEqual(head.split(/ +/), columns)
      assert.ok(
        rows.some((row) => /^smallest +True +.*1 /.test(row)),
        rows.join('\n'),
      )
    }
    const [wide = ''] = await table(['get', 'lsl', '-o', 'wide'])
    assert.match(wide, /EXPIRES +REASON +MESSAGE/)
  })

  it('is explained by kubectl', async () => {
    const said = await cluster.kubectl(['explain', 'lsl.spec.sender.queue.onFull'])
    assert.match(said, /ENUM:\s+Block\s+DropOldest/)
  })

  it('takes every document of the examples, and kubectl takes them away again', async () => {
    const all = examples.join('\n---\n')
    const said = await cluster.kubectl(['apply', '--server-side', '-f', '-'], all)
    assert.match(said, /logstashlink\.logstashlink\.io\/\S+ serverside-applied/)
    await cluster.kubectl(['delete', '--wait=true', '-f', '-'], all)
  })
})
