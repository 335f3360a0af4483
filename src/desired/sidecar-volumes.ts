import type { V1Volume } from '@kubernetes/client-node'
import type { LogstashLink } from '../api/link.ts'
import { roleName, sidecarVolumeName, tlsSecretName, type Role } from '../api/names.ts'
import { needsIdentity } from '../api/roles.ts'
import { stateVolume } from './state-volume.ts'

/**
 * Volumes of a sidecar. Whatever is not ours to keep there is optional: a pod starts without it, and the kubelet brings
 * it when it comes. Of the TLS Secret only PEM is taken; the keystore beside it is for real Logstash.
 */
export function sidecarVolumes(link: LogstashLink, role: Role): V1Volume[] {
  const { name } = link.metadata
  const { own } = stateVolume(link, role)
  const secret = (part: 'identity' | 'auth', secretName: string, keys: string[]): V1Volume => ({
    name: sidecarVolumeName(name, role, part),
    secret: { secretName, optional: true, items: keys.map((key) => ({ key, path: key })) },
  })
  return [
    {
      name: sidecarVolumeName(name, role, 'config'),
      configMap: { name: roleName(name, role), optional: true },
    },
    ...(needsIdentity(link, role)
      ? [secret('identity', tlsSecretName(name, role), ['tls.crt', 'tls.key'])]
      : []),
    ...(link.spec.auth === undefined
      ? []
      : [secret('auth', link.spec.auth.secretRef.name, ['username', 'password'])]),
    ...(own === undefined ? [] : [own]),
    { name: sidecarVolumeName(name, role, 'token'), emptyDir: {} },
  ]
}
