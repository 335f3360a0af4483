/** `rollout: Automatic` on a real API server: its controllers make the pods, kwok has them run, no webhook is there. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { LogstashLink } from '../../src/api/link.ts'
import { annotations, apiVersion, plural } from '../../src/api/names.ts'
import type { KubeObject } from '../../src/api/objects.ts'
import { realClock } from '../../src/controller/clock.ts'
import { observePods } from '../../src/controller/observe-pods.ts'
import { createRestarter, type Looked } from '../../src/controller/rollout.ts'
import { progressOf } from '../../src/rollout/progress.ts'
import { eventually } from '../support/eventually.ts'
import { linkOf, observedOf, operatorOptions } from '../support/links.ts'
import { silentLog } from '../support/log.ts'
import { openKube, type Kube } from './support/kube.ts'
import { sharedTestCluster, type TestCluster } from './support/test-cluster.ts'

const labels = { app: 'web' }
const all = [
  ['daemonsets', 'DaemonSet'],
  ['deployments', 'Deployment'],
  ['statefulsets', 'StatefulSet'],
] as const

interface Workload extends KubeObject {
  metadata: KubeObject['metadata'] & { managedFields?: { manager: string; operation: string }[] }
  spec: { template: { metadata: KubeObject['metadata'] } }
}

function automatic(port: number): LogstashLink {
  return linkOf({
    rollout: 'Automatic',
    sender: { selector: { matchLabels: labels }, collect: { http: { port } } },
    tls: { enabled: false },
  })
}

/** With a label of its own beside the one that the link's selector knows. */
function specOf(kind: string): object {
  const own = { ...labels, kind }
  const containers = [{ name: 'app', image: 'app' }]
  // A DaemonSet leaves nodes alone whose taints it does not tolerate, also one that its pods name.
  const tolerations = [{ operator: 'Exists' }]
  const spec = { nodeName: 'fake1', tolerations, terminationGracePeriodSeconds: 1, containers }
  return {
    selector: { matchLabels: own },
    template: { metadata: { labels: own }, spec },
    ...(kind === 'DaemonSet' ? {} : { replicas: 2 }),
    ...(kind === 'StatefulSet' ? { serviceName: 'web' } : {}),
  }
}

function through(workload: KubeObject): boolean {
  return progressOf(workload).state === 'through'
}

describe('automatic restarts on a real API server', () => {
  let cluster: TestCluster
  let kube: Kube
  let namespace: string
  before(async () => {
    cluster = await sharedTestCluster()
    kube = await openKube(cluster.kubeconfig)
    namespace = await cluster.namespace()
  })
  after(async () => {
    await kube.close()
    await cluster.stop()
  })

  const path = (plural: string) => `/apis/apps/v1/namespaces/${namespace}/${plural}`
  const get = (plural: string) => cluster.api.object<Workload>('GET', `${path(plural)}/web`)
  const workloads = () => Promise.all(all.map(([plural]) => get(plural)))
  const create = (plural: string, kind: string) =>
    cluster.api.object('POST', path(plural), {
      apiVersion: 'apps/v1',
      kind,
      metadata: { name: 'web' },
      spec: specOf(kind),
    })
  const allAreThrough = () =>
    eventually('all rollouts are through', async () => {
      for (const each of await workloads()) assert.ok(through(each), JSON.stringify(each['status']))
    })
  const valuesOf = async () =>
    (await workloads()).map(
      ({ spec }) => spec.template.metadata.annotations?.[annotations.restartedFor],
    )
  const write = async (link: LogstashLink) => {
    const {
      uid: _uid,
      creationTimestamp: _time,
      generation: _generation,
      ...metadata
    } = link.metadata
    const links = `/apis/${apiVersion}/namespaces/${namespace}/${plural}`
    await cluster.api.object(
      'PATCH',
      `${links}/${metadata.name}?fieldManager=kubectl&force=true`,
      { ...link, metadata: { ...metadata, namespace } },
      'application/apply-patch+yaml',
    )
  }

  it('restarts a Deployment, a StatefulSet and a DaemonSet one at a time, and each once for one hash', async () => {
    for (const [plural, kind] of all) await create(plural, kind)
    const restarter = createRestarter({
      cluster: kube.cluster.as('logstash-link'),
      clock: realClock,
      log: silentLog(),
      options: operatorOptions,
      count: () => {},
      rate: { perSecond: 10, burst: 10 },
    })
    await allAreThrough()
    const restarted: string[] = []
    const look = async (link: LogstashLink): Promise<Looked> => {
      const here = { ...link, metadata: { ...link.metadata, namespace } }
      const pods = await kube.cluster.list({ apiVersion: 'v1', kind: 'Pod' }, { namespace })
      const looked = await restarter.look(observedOf(here, { pods: observePods(here, pods) }), {})
      for (const { reason, message } of looked.events) {
        if (reason === 'Restarted') restarted.push(message.split(' ')[0] ?? '')
      }
      const open = (await workloads()).filter((each) => !through(each))
      assert.ok(
        open.length <= 1,
        `at once: ${open.map((each) => `${each.kind} ${JSON.stringify(each['status'])}`).join(', ')}`,
      )
      return looked
    }
    const untilInVain = (link: LogstashLink) =>
      eventually(
        'each was restarted, and in vain, as nobody injects here',
        async () => {
          const { findings } = await look(link)
          assert.deepEqual(findings, [
            'Restarted once and still lacking a sidecar, so not restarted again: DaemonSet/web, Deployment/web, StatefulSet/web.',
          ])
        },
        { limitMs: 90_000, everyMs: 100 },
      )

    const link = automatic(9801)
    await write(link)
    const [first] = await workloads()
    await untilInVain(link)
    const names = all.map(([, kind]) => `${kind}/web`)
    assert.deepEqual(restarted, names)
    const values = await valuesOf()
    for (const value of values) assert.match(value ?? '', /^\{"sender\/orders":"[0-9a-f]{16}"\}$/)
    // The template's annotation is all that changed, and all that we own.
    const [changed] = await workloads()
    assert.equal(changed?.metadata.generation, (first?.metadata.generation ?? 0) + 1)
    const pods = await kube.cluster.list({ apiVersion: 'v1', kind: 'Pod' }, { namespace })
    for (const { metadata } of pods) {
      assert.equal(metadata.annotations?.[annotations.restartedFor], values[0])
    }
    await look(link)
    assert.equal(restarted.length, 3)

    const next = automatic(9850)
    await write(next)
    await untilInVain(next)
    assert.deepEqual(restarted, [...names, ...names])
    assert.notDeepEqual(await valuesOf(), values)
  })
})
