/** The one place where a reconcile reads: everything that the pure rooms look at, as plain data. */
import type { LogstashLink } from '../api/link.ts'
import {
  certificateKind,
  keystorePasswordSecretName,
  roleName,
  tlsSecretName,
} from '../api/names.ts'
import type { KubeObject, ObjectKey } from '../api/objects.ts'
import type { EndpointSlice, Observed, SidecarSample } from '../api/observed.ts'
import { roles } from '../api/roles.ts'
import { ClusterError } from '../kube/cluster.ts'
import type { Cluster } from '../kube/cluster.ts'
import { kinds, serviceNameLabel, zoneLabel } from './kinds.ts'
import type { LinkKey } from './link-key.ts'
import { linkObjectKey } from './link-key.ts'
import { observePods } from './observe-pods.ts'
import { observeAuth, observeIdentities, observeTrust, withoutValues } from './observe-secrets.ts'

export interface Observation {
  observed: Observed
  /**
   * Versions of the Secrets that sidecars mount, by name: when one changes, the kubelet is to be told. Not for the pure
   * rooms.
   */
  secretVersions: Record<string, string>
}

/** Undefined where the link does not exist (any more). Rejects with what the cluster answers. */
export async function observe(
  cluster: Cluster,
  key: LinkKey,
  context: { samples: SidecarSample[]; now: string },
): Promise<Observation | undefined> {
  const link = await cluster.get<LogstashLink>(linkObjectKey(key))
  if (link === undefined || link.metadata.deletionTimestamp !== undefined) return undefined
  const { namespace } = key
  const [standing, named, service, pods, nodeZones] = await Promise.all([
    readAll(cluster, ownKeys(link, namespace)),
    readNamed(cluster, link, namespace),
    readService(cluster, link, namespace),
    cluster.list(kinds.pod, { namespace }),
    readZones(cluster, link),
  ])
  const secrets = standing.filter(({ kind }) => kind === kinds.secret.kind)
  const observed: Observed = {
    link,
    objects: standing.map((object) =>
      object.kind === kinds.secret.kind ? withoutValues(object) : object,
    ),
    identities: observeIdentities(link, secrets),
    named: {
      ...(link.spec.auth === undefined ? {} : { auth: observeAuth(named.auth) }),
      ...(link.spec.tls.trust === undefined
        ? {}
        : { trust: observeTrust(named.trust, link.spec.tls.trust.secretRef.key) }),
    },
    ...service,
    pods: observePods(link, pods),
    nodeZones,
    samples: context.samples,
    now: context.now,
  }
  const mounted = [...secrets, ...(named.auth === undefined ? [] : [named.auth])]
  const secretVersions = mounted.map(({ metadata }) => [metadata.name, metadata.resourceVersion])
  return { observed, secretVersions: Object.fromEntries(secretVersions) }
}

/** Every name that is ours to use for a link. */
function ownKeys({ metadata: { name } }: LogstashLink, namespace: string): ObjectKey[] {
  return [
    { ...kinds.service, name: roleName(name, 'receiver') },
    { ...kinds.secret, name: keystorePasswordSecretName(name) },
    ...roles.flatMap((role) => [
      { ...kinds.configMap, name: roleName(name, role) },
      { ...certificateKind, name: roleName(name, role) },
      { ...kinds.secret, name: tlsSecretName(name, role) },
    ]),
  ].map((key) => ({ ...key, namespace }))
}

async function readAll(cluster: Cluster, keys: readonly ObjectKey[]): Promise<KubeObject[]> {
  const found = await Promise.all(keys.map((key) => cluster.get(key)))
  return found.filter((object) => object !== undefined)
}

async function readNamed(cluster: Cluster, { spec }: LogstashLink, namespace: string) {
  const read = async (name: string | undefined) =>
    name === undefined ? undefined : cluster.get({ ...kinds.secret, namespace, name })
  const [auth, trust] = await Promise.all([
    read(spec.auth?.secretRef.name),
    read(spec.tls.trust?.secretRef.name),
  ])
  return { auth, trust }
}

interface Service extends KubeObject {
  spec?: { ports?: { name?: string; port: number }[] }
}

async function readService(
  cluster: Cluster,
  link: LogstashLink,
  namespace: string,
): Promise<Pick<Observed, 'serviceExists' | 'servicePorts' | 'slices'>> {
  const name = receiverServiceOf(link)
  if (name === undefined) return { serviceExists: false, slices: [] }
  const selector = { matchLabels: { [serviceNameLabel]: name } }
  const [service, slices] = await Promise.all([
    cluster.get<Service>({ ...kinds.service, namespace, name }),
    cluster.list<EndpointSlice>(kinds.endpointSlice, { namespace, selector }),
  ])
  const servicePorts = service?.spec?.ports
  return {
    serviceExists: service !== undefined,
    ...(servicePorts === undefined ? {} : { servicePorts }),
    slices,
  }
}

/** The Service whose endpoints are a link's receivers; undefined where they are listed by hand. */
export function receiverServiceOf({ metadata, spec }: LogstashLink): string | undefined {
  if (spec.receiver.serviceRef !== undefined) return spec.receiver.serviceRef.name
  return spec.receiver.selector === undefined ? undefined : roleName(metadata.name, 'receiver')
}

/** Zones are a preference: where nodes may not be read, or there are none, senders do without. */
async function readZones(cluster: Cluster, link: LogstashLink): Promise<Record<string, string>> {
  if (!link.spec.balancing.preferSameZone) return {}
  try {
    const nodes = await cluster.list(kinds.node)
    return Object.fromEntries(
      nodes.flatMap(({ metadata: { name, labels } }) => {
        const zone = labels?.[zoneLabel]
        return zone === undefined ? [] : [[name, zone] as const]
      }),
    )
  } catch (error) {
    if (error instanceof ClusterError && ['Forbidden', 'NotFound'].includes(error.reason)) return {}
    throw error
  }
}
