/** The webhook in this process, before the test cluster's API server: what a replica that leads makes of it. */
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { Registry } from 'prom-client'
import { apiVersion, kind } from '../../../src/api/names.ts'
import type { KubeObject } from '../../../src/api/objects.ts'
import { createKubeClient } from '../../../src/kube/client.ts'
import { createKubeCluster } from '../../../src/kube/kube-cluster.ts'
import {
  keepWebhookConfiguration,
  type WebhookConfigurationKeeper,
} from '../../../src/webhook/configuration-keeper.ts'
import { configurationKind } from '../../../src/webhook/entry.ts'
import { createLinkIndex } from '../../../src/webhook/link-index.ts'
import { startWebhookServer } from '../../../src/webhook/server.ts'
import { openServingIdentity, type ServingIdentity } from '../../../src/webhook/serving-identity.ts'
import { realClock } from '../../../src/controller/clock.ts'
import { eventually } from '../../support/eventually.ts'
import { operatorOptions } from '../../support/links.ts'
import { capturedLog, type LogLine } from '../../support/log.ts'
import type { TestCluster } from './test-cluster.ts'

export interface WebhookWorld {
  /** The operator's own namespace. */
  namespace: string
  /** Of the MutatingWebhookConfiguration. */
  configuration: string
  identity: ServingIdentity
  keeper: WebhookConfigurationKeeper
  registry: Registry
  lines: LogLine[]
  port: number
  closeServer(): Promise<void>
  /** A namespace with links of these specs, by name; resolves once it is covered. */
  covered(
    links?: Record<string, object>,
    labelsOfNamespace?: Record<string, string>,
  ): Promise<string>
}

const webhooks = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations'
export const secretName = 'webhook-tls'

/** Closed by the test, or by a suite that has one for all its tests. */
export async function openWebhook(
  t: Pick<TestContext, 'after'>,
  cluster: TestCluster,
  issuer: WebhookIssuer = 'itself',
): Promise<WebhookWorld> {
  const { api } = cluster
  const namespace = await cluster.namespace()
  const configuration = `links-of-${namespace}`
  await api.object('POST', webhooks, { ...configurationKind, metadata: { name: configuration } })
  t.after(() => api.ask('DELETE', `${webhooks}/${configuration}`))
  await makeCertificate(cluster, namespace, issuer)

  const { log, lines } = capturedLog()
  const registry = new Registry()
  const client = createKubeClient({ kubeconfig: cluster.kubeconfig, log, registry })
  const kube = createKubeCluster({ client, log, registry })
  const links = createLinkIndex(kube)
  const identity = openServingIdentity({
    cluster: kube,
    key: { namespace, name: secretName },
    configuration,
    clock: realClock,
    log,
  })
  await Promise.all([links.synced, identity.loaded])
  const server = await startWebhookServer({
    host: '127.0.0.1',
    port: 0,
    identity,
    links,
    options: operatorOptions,
    log,
    registry,
  })
  const keeper = keepWebhookConfiguration({
    cluster: kube,
    links,
    identity,
    name: configuration,
    clientConfig: { url: `https://localhost:${server.port}` },
    namespace,
    clock: realClock,
    log,
  })
  let closed: Promise<void> | undefined
  const closeServer = () => (closed ??= server.close())
  t.after(async () => {
    keeper.stop()
    identity.stop()
    links.stop()
    await closeServer()
    await kube.close()
    await client.close()
  })
  return {
    namespace,
    configuration,
    identity,
    keeper,
    registry,
    lines,
    port: server.port,
    closeServer,
    async covered(specs = { orders: quickstart }, labelsOfNamespace = {}) {
      const place = await cluster.namespace()
      if (Object.keys(labelsOfNamespace).length > 0) {
        const path = `/api/v1/namespaces/${place}`
        const patch = { metadata: { labels: labelsOfNamespace } }
        await api.object('PATCH', path, patch, 'application/merge-patch+json')
      }
      for (const [name, spec] of Object.entries(specs)) await makeLink(cluster, place, name, spec)
      await eventually(`pods of ${place} are seen`, () =>
        assert.equal(keeper.problem(place), undefined),
      )
      return place
    },
  }
}

export const quickstart = {
  receiver: { selector: { matchLabels: { app: 'indexer' } }, deliver: { http: { port: 8080 } } },
  sender: { selector: { matchLabels: { app: 'web' } }, collect: { http: { port: 9801 } } },
  tls: { issuerRef: { name: 'shop-ca' } },
}

export async function makeLink(
  { api }: TestCluster,
  namespace: string,
  name: string,
  spec: object,
): Promise<KubeObject> {
  const path = `/apis/${apiVersion}/namespaces/${namespace}/logstashlinks`
  return api.object('POST', path, { apiVersion, kind, metadata: { name }, spec })
}

/** `itself`: the chart's default, where each renewal is a change of CA. */
type WebhookIssuer = 'itself' | 'ca'

/** Two issuers, and the Certificate as the chart makes it. */
async function makeCertificate(
  cluster: TestCluster,
  namespace: string,
  by: WebhookIssuer,
): Promise<void> {
  const group = 'cert-manager.io/v1'
  const issuer = (name: string, spec: object) => ({
    apiVersion: group,
    kind: 'Issuer',
    metadata: { name },
    spec,
  })
  const certificate = (name: string, spec: object) => ({
    apiVersion: group,
    kind: 'Certificate',
    metadata: { name },
    spec: { privateKey: { algorithm: 'ECDSA', size: 256 }, ...spec },
  })
  const items = [
    issuer('itself', { selfSigned: {} }),
    certificate('ca', {
      isCA: true,
      commonName: `ca of ${namespace}`,
      secretName: 'ca',
      issuerRef: { name: 'itself' },
    }),
    issuer('ca', { ca: { secretName: 'ca' } }),
    certificate('webhook', {
      secretName,
      commonName: 'webhook',
      dnsNames: ['localhost'],
      issuerRef: { name: by },
    }),
  ]
  const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items })
  await cluster.kubectl(['-n', namespace, 'apply', '-f', '-'], list)
  const condition = ['--for', 'condition=Ready', '--timeout', '60s', 'certificate/webhook']
  await cluster.kubectl(['-n', namespace, 'wait', ...condition])
}

export interface PodObject extends KubeObject {
  spec: {
    initContainers?: PodContainer[]
    containers: PodContainer[]
    volumes?: { name: string; emptyDir?: object; projected?: object; secret?: object }[]
  }
  status?: { phase?: string; conditions?: { type: string; status: string }[] }
}

interface PodContainer {
  name: string
  volumeMounts?: { name: string; mountPath: string }[]
  [field: string]: unknown
}

/** As a user writes it: on kwok's node, because there is no scheduler. */
export function podTemplate(metadata: object = {}, spec: object = {}) {
  return {
    metadata: { labels: { app: 'web' }, ...metadata },
    spec: { nodeName: 'fake1', containers: [{ name: 'app', image: 'app' }], ...spec },
  }
}

export async function createPod(
  { api }: TestCluster,
  namespace: string,
  template: object = podTemplate(),
  { dryRun = false }: { dryRun?: boolean } = {},
): Promise<PodObject> {
  const { metadata, ...rest } = template as { metadata?: object }
  const named = metadata !== undefined && 'name' in metadata ? {} : { generateName: 'web-' }
  return api.object<PodObject>(
    'POST',
    `/api/v1/namespaces/${namespace}/pods${dryRun ? '?dryRun=All' : ''}`,
    { apiVersion: 'v1', kind: 'Pod', ...rest, metadata: { ...named, ...metadata } },
  )
}

/** Names of our containers in a pod, in its order. */
export function sidecarsOf({ spec }: PodObject): string[] {
  const all = (spec.initContainers ?? []).map(({ name }) => name)
  return all.filter((name) => name.startsWith('lsl-'))
}
