/** A cluster in memory with what the webhook reads of it: links, a Secret, the webhook configuration. */
import type { TestContext } from 'node:test'
import type { LogstashLink } from '../../src/api/link.ts'
import type { KubeObject } from '../../src/api/objects.ts'
import { createInMemoryCluster } from '../../src/local/cluster/in-memory-cluster.ts'
import type { InMemoryCluster } from '../../src/local/cluster/in-memory-cluster.ts'
import { bundleIn, configurationKind } from '../../src/webhook/entry.ts'
import { keepWebhookConfiguration } from '../../src/webhook/configuration-keeper.ts'
import type { WebhookConfigurationKeeper } from '../../src/webhook/configuration-keeper.ts'
import { createLinkIndex, type LinkIndex } from '../../src/webhook/link-index.ts'
import { openServingIdentity } from '../../src/webhook/serving-identity.ts'
import type { ServingIdentity } from '../../src/webhook/serving-identity.ts'
import type { TestAuthority } from '../support/certificates.ts'
import { fakeClock, type FakeClock } from '../support/fake-clock.ts'
import { linkOf } from '../support/links.ts'
import { capturedLog, type LogLine } from '../support/log.ts'

export const ownNamespace = 'logstash-link'
export const secretName = 'webhook-tls'
export const configurationName = 'logstash-link'
const serviceHost = `webhook.${ownNamespace}.svc`

export interface World {
  cluster: InMemoryCluster
  clock: FakeClock
  lines: LogLine[]
  links: LinkIndex
  identity: ServingIdentity
  /** A leader's. */
  keep(): WebhookConfigurationKeeper
  makeLink(namespace: string, name?: string): Promise<LogstashLink>
  removeLink(namespace: string, name?: string): Promise<void>
  /** The Secret as cert-manager writes it; resolves with the leaf. */
  issue(authority: TestAuthority, wishes?: Parameters<TestAuthority['leaf']>[0]): Promise<string>
  makeConfiguration(): Promise<void>
  configuration(): Promise<KubeObject | undefined>
  bundle(): Promise<string>
  /** Time goes on, and all that follows happens. */
  pass(ms: number): Promise<void>
}

/** At the present time, because certificates are. */
export function openWorld(t: TestContext): World {
  const cluster = createInMemoryCluster({ now: () => new Date() })
  const clock = fakeClock(Date.now())
  const { log, lines } = capturedLog()
  const links = createLinkIndex(cluster)
  const identity = openServingIdentity({
    cluster,
    key: { namespace: ownNamespace, name: secretName },
    configuration: configurationName,
    clock,
    log,
  })
  const keepers: WebhookConfigurationKeeper[] = []
  t.after(() => {
    for (const keeper of keepers) keeper.stop()
    identity.stop()
    links.stop()
  })
  const configuration = () => cluster.get({ ...configurationKind, name: configurationName })
  const calm = async () => {
    await cluster.settled()
    await new Promise((resolve) => setImmediate(resolve))
    await cluster.settled()
  }
  return {
    cluster,
    clock,
    lines,
    links,
    identity,
    keep() {
      const clientConfig = { service: { namespace: ownNamespace, name: 'webhook' } }
      const keeper = keepWebhookConfiguration({
        cluster,
        links,
        identity,
        name: configurationName,
        clientConfig,
        namespace: ownNamespace,
        clock,
        log,
      })
      keepers.push(keeper)
      return keeper
    },
    makeLink: async (namespace, name = 'orders') =>
      cluster.apply(bare(linkOf({}, { namespace, name }))),
    removeLink: async (namespace, name = 'orders') => {
      await cluster.delete({
        apiVersion: 'logstashlink.io/v1alpha1',
        kind: 'LogstashLink',
        namespace,
        name,
      })
    },
    async issue(authority, wishes = {}) {
      const { certPem, keyPem } = await authority.leaf({ dnsNames: [serviceHost], ...wishes })
      await cluster.apply(tlsSecret({ certPem, keyPem, caPem: authority.caPem }))
      await calm()
      return certPem
    },
    async makeConfiguration() {
      await cluster
        .as('helm')
        .apply({ ...configurationKind, metadata: { name: configurationName } })
      await calm()
    },
    configuration,
    bundle: async () => bundleIn(await configuration()),
    async pass(ms) {
      await calm()
      clock.advance(ms)
      await calm()
    },
  }
}

/** As cert-manager writes it; without `caPem` as for an issuer that knows none. */
export function tlsSecret(pem: { certPem: string; keyPem: string; caPem?: string }): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { namespace: ownNamespace, name: secretName },
    type: 'kubernetes.io/tls',
    data: {
      'tls.crt': base64(pem.certPem),
      'tls.key': base64(pem.keyPem),
      ...(pem.caPem === undefined ? {} : { 'ca.crt': base64(pem.caPem) }),
    },
  }
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64')
}

/** Without what a cluster sets. */
function bare(link: LogstashLink): LogstashLink {
  const { name, namespace } = link.metadata
  return { ...link, metadata: { name, ...(namespace === undefined ? {} : { namespace }) } }
}
