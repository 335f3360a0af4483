/** The one place where a reconcile reads: everything that the pure rooms look at, as plain data. */
import type { LogstashLink } from '../api/link.ts'
import type { KubeObject, ObjectKey } from '../api/objects.ts'
import type { Observed, SidecarSample } from '../api/observed.ts'
import type { Cluster } from '../kube/cluster.ts'
import { namedObjects, receiverServiceOf } from './concerns.ts'
import { kinds } from './kinds.ts'
import type { LinkKey } from './link-key.ts'
import { linkKeyText, linkObjectKey } from './link-key.ts'
import { readIssuance } from './observe-issuance.ts'
import { observePods } from './observe-pods.ts'
import { identitiesOf, namedSecrets, ownSecretNames } from './observe-secrets.ts'
import type { SecretReader } from './observe-secrets.ts'
import type { View } from './view.ts'

export interface Observation {
  observed: Observed
  /**
   * Versions of the Secrets that sidecars mount, by name: when one changes, the kubelet is to be told. Not for the pure
   * rooms.
   */
  secretVersions: Record<string, string>
}

export interface ObserveContext {
  samples: SidecarSample[]
  /** RFC 3339. */
  now: string
  /** What keeps new pods of the namespace from getting sidecars; undefined where nothing does. */
  webhook?: string
}

/**
 * Undefined where the link does not exist (any more). Rejects with what the cluster answers. All that is read is watched,
 * so that nothing is asked of the cluster, but for why an issue of a certificate fails.
 */
export async function observe(
  { cluster, view, secrets }: { cluster: Cluster; view: View; secrets: SecretReader },
  key: LinkKey,
  context: ObserveContext,
): Promise<Observation | undefined> {
  const link = await cluster.get<LogstashLink>(linkObjectKey(key))
  if (link === undefined || link.metadata.deletionTimestamp !== undefined) return undefined
  const text = linkKeyText(key)
  const [standing, named, service] = await Promise.all([
    readAll(cluster, [...view.standing(text), ...view.taken(text)]),
    readAll(cluster, namedObjects(link)),
    readService(cluster, view, link),
  ])
  const read = named.filter(({ kind }) => kind === kinds.secret.kind).map(secrets.read)
  const own = ownSecretNames(link)
  const ownSecrets = read.filter(({ name }) => own.includes(name))
  const objects = unique([...standing, ...ownSecrets.map(({ shell }) => shell)])
  const { auth, trust } = namedSecrets(link, read)
  const observed: Observed = {
    link,
    objects,
    identities: identitiesOf(link, ownSecrets),
    named: { ...(auth === undefined ? {} : { auth }), ...(trust === undefined ? {} : { trust }) },
    ...service,
    pods: observePods(link, view.pods(text)),
    nodeZones: link.spec.balancing.preferSameZone ? view.zones() : {},
    samples: context.samples,
    ...(context.webhook === undefined ? {} : { webhook: context.webhook }),
    issuance: await readIssuance(cluster, link, objects, context.now),
    now: context.now,
  }
  const mounted = read.filter(
    ({ name }) => own.includes(name) || name === link.spec.auth?.secretRef.name,
  )
  const secretVersions = mounted.map(({ name, version }) => [name, version])
  return { observed, secretVersions: Object.fromEntries(secretVersions) }
}

async function readAll(cluster: Cluster, keys: readonly ObjectKey[]): Promise<KubeObject[]> {
  const found = await Promise.all(keys.map((key) => cluster.get(key)))
  return found.filter((object) => object !== undefined)
}

function unique(objects: readonly KubeObject[]): KubeObject[] {
  return [...new Map(objects.map((each) => [`${each.kind} ${each.metadata.name}`, each])).values()]
}

interface Service extends KubeObject {
  spec?: { ports?: { name?: string; port: number }[] }
}

/** The ports of our own Service are known without it. */
async function readService(
  cluster: Cluster,
  view: View,
  link: LogstashLink,
): Promise<Pick<Observed, 'serviceExists' | 'servicePorts' | 'slices'>> {
  const { namespace = '' } = link.metadata
  const name = receiverServiceOf(link)
  if (name === undefined) return { serviceExists: false, slices: [] }
  const slices = view.slices(namespace, name)
  if (link.spec.receiver.serviceRef === undefined) return { serviceExists: true, slices }
  const service = await cluster.get<Service>({ ...kinds.service, namespace, name })
  const servicePorts = service?.spec?.ports
  return {
    serviceExists: service !== undefined,
    ...(servicePorts === undefined ? {} : { servicePorts }),
    slices,
  }
}
