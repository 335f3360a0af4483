import { digestOf } from '../api/digest.ts'
import type { LogstashLink } from '../api/link.ts'
import { annotations, configFiles, roleName } from '../api/names.ts'
import type { KubeObject } from '../api/objects.ts'
import type { Observed } from '../api/observed.ts'
import { isOwnedBy } from '../api/ownership.ts'
import { roles } from '../api/roles.ts'
import type { HostsFile } from '../api/sidecar-config.ts'
import { trustKind } from '../api/trust-source.ts'
import { jsonText, roleConfigMap } from './config-map.ts'
import { tlsSecret, tlsSecretOwnership } from './tls-secret-ownership.ts'

interface Discovered {
  /** Absent where the spec lists them: then the cluster has no news of them. */
  hosts?: HostsFile
  /** PEM; absent where there is none that could be used. */
  trustBundle?: string
}

/**
 * While a spec is not accepted nothing is made, removed or set by it, but sidecars that run by the one before must not be
 * left behind: what stands stays, with the hosts and authorities of now. An object that stays as it is comes back as the
 * very object of `observed.objects`.
 */
export function whileNotAccepted(observed: Observed, discovered: Discovered): KubeObject[] {
  const { link, objects } = observed
  const { uid = '' } = link.metadata
  const ours = objects.filter((object) => isOwnedBy(object, uid))
  const adopted = roles.flatMap((role) => {
    const found = tlsSecret(observed, role)
    return found.state === 'ours' && !ours.includes(found.secret)
      ? [tlsSecretOwnership(observed, role, found.secret.metadata.uid)]
      : []
  })
  return [...ours.map((object) => carriedOn(object, link, discovered)), ...adopted]
}

function carriedOn(
  object: KubeObject,
  link: LogstashLink,
  { hosts, trustBundle }: Discovered,
): KubeObject {
  const { name } = link.metadata
  const role = roles.find((each) => roleName(name, each) === object.metadata.name)
  const data = object['data'] as Record<string, string> | undefined
  if (object.kind !== 'ConfigMap' || role === undefined || data === undefined) return object
  // Authorities of another source are what the spec that is not accepted asks for.
  const source = object.metadata.annotations?.[annotations.trustSource]
  const pem = source === trustKind(link) ? trustBundle : undefined
  const text = data[configFiles.hosts]
  const next = {
    ...data,
    ...(pem === undefined ? {} : { [configFiles.trust]: pem }),
    ...(text === undefined ? {} : { [configFiles.hosts]: hostsText(text, link, hosts) }),
  }
  const isNew = Object.entries(next).some(([file, content]) => data[file] !== content)
  if (!isNew) return object
  const map = roleConfigMap(link, role, next)
  const kept = source === undefined ? {} : { [annotations.trustSource]: source }
  return { ...map, metadata: { ...map.metadata, annotations: kept } }
}

/** Only the hosts of the Service that senders follow already; the names that they verify stay. */
function hostsText(text: string, link: LogstashLink, found: HostsFile | undefined): string {
  const standing = readHosts(text)
  if (standing?.fallback === undefined || found?.fallback === undefined) return text
  const { receiver } = link.spec
  const isSame =
    standing.fallback.host === found.fallback.host &&
    // Of our own Service each slice has the port of now.
    (receiver.serviceRef === undefined || standing.fallback.port === found.fallback.port)
  if (!isSame) return text
  const { revision: _revision, ...rest } = standing
  const content = { ...rest, hosts: found.hosts }
  return jsonText({ revision: digestOf(content), ...content })
}

function readHosts(text: string): HostsFile | undefined {
  try {
    return JSON.parse(text) as HostsFile
  } catch {
    // Someone's edit: it stays until the spec is accepted again.
    return undefined
  }
}
