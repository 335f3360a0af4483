/** A cluster with a running controller, and what a test does and sees there. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import type { TestContext } from 'node:test'
import type { ConditionType } from '../../src/api/conditions.ts'
import type { LogstashLink } from '../../src/api/link.ts'
import { apiVersion, certificateKind, kind } from '../../src/api/names.ts'
import type { Kind, KubeObject } from '../../src/api/objects.ts'
import { realClock } from '../../src/controller/clock.ts'
import { createController } from '../../src/controller/controller.ts'
import type { Controller, ControllerOptions } from '../../src/controller/controller.ts'
import type { Cluster } from '../../src/kube/cluster.ts'
import { createMetrics } from '../../src/telemetry/metrics.ts'
import { runPod, setEndpoints, writeIdentitySecret } from '../support/cluster-actors.ts'
import { countingWrites } from '../support/cluster-wrappers.ts'
import { eventually } from '../support/eventually.ts'
import { operatorOptions } from '../support/links.ts'
import { silentLog } from '../support/log.ts'

export interface ClusterUnderTest {
  /** The cluster as one of its field managers sees it. */
  as(manager: string): Cluster
  /** A new, empty namespace. */
  namespace(): Promise<string>
  stop(): Promise<void>
}

export const serviceKind = { apiVersion: 'v1', kind: 'Service' }
export const configMapKind = { apiVersion: 'v1', kind: 'ConfigMap' }
export const secretKind = { apiVersion: 'v1', kind: 'Secret' }
export const podKind = { apiVersion: 'v1', kind: 'Pod' }
export const linkKind = { apiVersion, kind }

export const quickstart = {
  receiver: { selector: { matchLabels: { app: 'indexer' } }, deliver: { http: { port: 8080 } } },
  sender: { selector: { matchLabels: { app: 'web' } }, collect: { http: { port: 9801 } } },
  tls: { issuerRef: { name: 'shop-ca' } },
}

export const ownObjects: [Kind, string][] = [
  [serviceKind, 'orders-receiver'],
  [certificateKind, 'orders-receiver'],
  [secretKind, 'orders-keystore-password'],
  [configMapKind, 'orders-receiver'],
  [configMapKind, 'orders-sender'],
]

interface Wishes extends Partial<Pick<ControllerOptions, 'ask' | 'resyncMs' | 'sampleEveryMs'>> {
  wrap?: (cluster: Cluster) => Cluster
}

/** A cluster with a running controller and a namespace of its own. */
export async function openWorld(
  t: TestContext,
  makeCluster: () => Promise<ClusterUnderTest>,
  wishes: Wishes = {},
) {
  const under = await makeCluster()
  const ns = await under.namespace()
  const { wrap = (cluster: Cluster) => cluster, ...settings } = wishes
  const counted = countingWrites(under.as('logstash-link'))
  const controller: Controller = createController({
    cluster: wrap(counted.cluster),
    clock: realClock,
    log: silentLog(),
    registry: createMetrics({ program: 'test' }),
    options: operatorOptions,
    random: randomBytes,
    // No sidecar runs here.
    ask: () => Promise.resolve({}),
    ...settings,
  })
  await controller.start()
  t.after(async () => {
    await controller.stop()
    await under.stop()
  })
  const user = under.as('kubectl')
  const key = (of: Kind, name: string) => ({ ...of, namespace: ns, name })
  const get = (of: Kind, name: string) => user.get(key(of, name))

  const link = async (name: string) => {
    const found = await user.get<LogstashLink>(key(linkKind, name))
    assert.ok(found, `there is no link ${name}`)
    return found
  }
  const condition = async (name: string, type: ConditionType) => {
    const { status } = await link(name)
    const found = status?.conditions?.find((each) => each.type === type)
    assert.ok(found, `${name} has no condition ${type}`)
    return found
  }
  const untilCondition = (name: string, type: ConditionType, reason: string, limitMs = 15_000) =>
    eventually(
      `${type} of ${name} is ${reason}`,
      async () => {
        const found = await condition(name, type)
        assert.equal(found.reason, reason, `${found.reason}: ${found.message}`)
        return found
      },
      { limitMs },
    )
  const apply = (name: string, spec: object) =>
    user.apply({ ...linkKind, metadata: { namespace: ns, name }, spec } as unknown as LogstashLink)
  const at = (name: string) => ({ namespace: ns, link: name })
  const pod = (name: string, app: string, ip: string) => ({
    namespace: ns,
    name,
    labels: { app },
    ip,
  })

  return {
    ns,
    user,
    as: (manager: string) => under.as(manager),
    key,
    get,
    link,
    condition,
    untilCondition,
    apply,
    at,
    pod,
    writes: counted.writes,
    async data(name: string, file: string) {
      const data = (await get(configMapKind, name))?.['data'] as Record<string, string> | undefined
      const content = data?.[file]
      assert.ok(content !== undefined, `ConfigMap ${name} has no ${file}`)
      return content
    },
    /** So many more looks at the links of this cluster. */
    async resyncs(count: number) {
      const until = counted.looks() + count
      await eventually('the controller looked again', () => assert.ok(counted.looks() >= until))
    },
    /** Plays all that a link needs to become Ready, with pods of its own. */
    async makeReady(
      name: string,
      pem: { ca: string; cert: string; key: string },
      limitMs = 20_000,
    ) {
      const labels = { receiver: `${name}-in`, sender: `${name}-out` }
      await apply(name, {
        ...quickstart,
        receiver: { ...quickstart.receiver, selector: { matchLabels: { app: labels.receiver } } },
        sender: { ...quickstart.sender, selector: { matchLabels: { app: labels.sender } } },
      })
      await writeIdentitySecret(under.as('cert-manager'), at(name), pem)
      await runPod(under.as('kubelet'), pod(labels.receiver, labels.receiver, '10.1.0.12'))
      await runPod(under.as('kubelet'), pod(labels.sender, labels.sender, '10.1.0.20'))
      await eventually(
        'the Service exists',
        async () => {
          assert.ok(await get(serviceKind, `${name}-receiver`))
        },
        { limitMs },
      )
      await setEndpoints(under.as('endpoints'), at(name), ['10.1.0.12'])
      await untilCondition(name, 'Ready', 'Ready', limitMs)
    },
  }
}

export function portsOf(service: KubeObject | undefined): { port: number }[] {
  return (service?.['spec'] as { ports?: { port: number }[] } | undefined)?.ports ?? []
}

export function inNamespace(object: KubeObject, namespace: string): KubeObject {
  return { ...object, metadata: { ...object.metadata, namespace } }
}
