import type { LogstashLink } from '../api/link.ts'
import { certificateKind, roleName } from '../api/names.ts'
import type { KubeObject } from '../api/objects.ts'
import type { Observed } from '../api/observed.ts'
import { certificate } from './certificate.ts'
import { namespaceOf } from './metadata.ts'

/** The identity that receivers serve: by the names of their Service, and what the link claims beyond. */
export function receiverCertificate(
  observed: Observed,
  options: { clusterDomain: string; passwordRevision: string | undefined },
): KubeObject {
  const { link } = observed
  const claims = {
    dnsNames: dnsNames(link, options.clusterDomain),
    ipAddresses: ipAddresses(observed),
    usage: 'server auth',
  } as const
  return certificate(link, 'receiver', claims, options.passwordRevision)
}

/** The wildcards stand for pods of a StatefulSet behind the Service. */
function dnsNames(link: LogstashLink, clusterDomain: string): string[] {
  const { tls } = link.spec
  const service = `${roleName(link.metadata.name, 'receiver')}.${namespaceOf(link)}`
  const cluster = `${service}.svc.${clusterDomain}`
  const own = [service, `${service}.svc`, cluster, `*.${service}.svc`, `*.${cluster}`]
  const verified = tls.serverName === '' ? [] : [tls.serverName]
  return [...new Set([...(tls.serviceNames ? own : []), ...verified, ...tls.dnsNames])]
}

/**
 * With includePodIPs: those of all pods that are or will be receivers, ready or not, because a receiver is not ready
 * before its leaf covers it. A new address makes a new leaf, so that is also when addresses of pods that are gone leave;
 * until then they stay, and a pod that ends costs no reissue.
 */
function ipAddresses(observed: Observed): string[] {
  const { tls } = observed.link.spec
  if (!tls.includePodIPs) return tls.ipAddresses.toSorted()
  const pods = observed.pods.filter((pod) => pod.roles.includes('receiver') && !pod.finished)
  const wanted = [...new Set([...tls.ipAddresses, ...pods.flatMap((pod) => pod.ips)])].toSorted()
  const claimed = claimedAddresses(observed)
  return wanted.every((ip) => claimed.includes(ip)) ? claimed : wanted
}

function claimedAddresses({ link, objects }: Observed): string[] {
  const name = roleName(link.metadata.name, 'receiver')
  const there = objects.find(
    (object) => object.kind === certificateKind.kind && object.metadata.name === name,
  )
  const spec = there?.['spec'] as { ipAddresses?: string[] } | undefined
  return spec?.ipAddresses ?? []
}
