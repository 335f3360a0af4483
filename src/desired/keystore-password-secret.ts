import type { LogstashLink } from '../api/link.ts'
import { keystorePasswordSecretName } from '../api/names.ts'
import type { KubeObject } from '../api/objects.ts'
import { objectMeta } from './metadata.ts'

/** Password of the PKCS #12 keystores. Written once: later it belongs to whoever reads or changes it. */
export function keystorePasswordSecret(link: LogstashLink, newPassword: string): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: objectMeta(link, keystorePasswordSecretName(link.metadata.name)),
    type: 'Opaque',
    data: { password: Buffer.from(newPassword).toString('base64') },
  }
}
