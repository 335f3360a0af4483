/** Links and what is observed of them, for tests of the control rooms. */
import type { LogstashLink } from '../../src/api/link.ts'
import { injectionHash, injectionText } from '../../src/api/injection.ts'
import { apiVersion, injectedAnnotation, kind, type Role } from '../../src/api/names.ts'
import type { ObjectMeta } from '../../src/api/objects.ts'
import type { Observed, ObservedPod } from '../../src/api/observed.ts'
import type { OperatorOptions } from '../../src/api/operator-options.ts'
import { parseLink } from '../../src/api/validate.ts'

export const operatorOptions: OperatorOptions = {
  image: 'logstash-link:test',
  clusterDomain: 'cluster.local',
}

const quickstart = {
  receiver: { selector: { matchLabels: { app: 'indexer' } }, deliver: { http: { port: 8080 } } },
  sender: { selector: { matchLabels: { app: 'web' } }, collect: { http: { port: 9801 } } },
  tls: { issuerRef: { name: 'shop-ca' } },
}

/** Link shop/orders as a cluster gives it back; `spec` replaces whole parts of the quickstart's, undefined takes one away. */
export function linkOf(
  spec: Record<string, unknown> = {},
  metadata: Partial<ObjectMeta> = {},
): LogstashLink {
  const wanted = Object.entries({ ...quickstart, ...spec }).filter(([, part]) => part !== undefined)
  const { link, problems } = parseLink({
    apiVersion,
    kind,
    metadata: {
      name: 'orders',
      namespace: 'shop',
      uid: `uid-of-${metadata.name ?? 'orders'}`,
      generation: 3,
      creationTimestamp: '2026-11-22T10:00:00Z',
      ...metadata,
    },
    spec: Object.fromEntries(wanted),
  })
  if (problems !== undefined) throw new Error(problems.map(({ message }) => message).join('\n'))
  return link
}

/** Nothing of the link in the cluster yet. */
export function observedOf(link: LogstashLink, more: Partial<Observed> = {}): Observed {
  return {
    link,
    objects: [],
    identities: {},
    named: {},
    serviceExists: false,
    slices: [],
    pods: [],
    nodeZones: {},
    samples: [],
    now: '2026-11-22T12:00:00Z',
    ...more,
  }
}

/** A running pod that the sender's selector picks. */
export function observedPod(name: string, more: Partial<ObservedPod> = {}): ObservedPod {
  return {
    namespace: 'shop',
    name,
    roles: ['sender'],
    labels: { app: 'web' },
    annotations: {},
    ips: ['10.1.0.20'],
    ready: true,
    finished: false,
    hostNetwork: false,
    workload: 'Deployment/web',
    sidecars: {},
    ...more,
  }
}

/** One that carries a sidecar of link `orders`, as the link wants it and ready. */
export function injectedPod(
  link: LogstashLink,
  name: string,
  role: Role,
  more: Partial<ObservedPod> = {},
) {
  const text = injectionText({ hash: injectionHash(link, role), healthPort: 9601 })
  return observedPod(name, {
    roles: [role],
    annotations: { [injectedAnnotation('orders', role)]: text },
    sidecars: { [role]: { ready: true } },
    workload: role === 'sender' ? 'Deployment/web' : 'StatefulSet/indexer',
    ...more,
  })
}
