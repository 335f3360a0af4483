/** The ConfigMap of a role: all that its sidecars are told. */
import type { LogstashLink } from '../api/link.ts'
import { annotations, configFiles, roleName, type Role } from '../api/names.ts'
import type { KubeObject } from '../api/objects.ts'
import type { Observed } from '../api/observed.ts'
import { isOwnedBy } from '../api/ownership.ts'
import { trustKind } from '../api/trust-source.ts'
import { objectMeta } from './metadata.ts'

/** Every key is always there, empty or not: what is mounted and vanishes would be an error to its reader. */
export function roleConfigMap(
  link: LogstashLink,
  role: Role,
  data: Record<string, string>,
): KubeObject {
  const source = { [annotations.trustSource]: trustKind(link) }
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: objectMeta(link, roleName(link.metadata.name, role), { role, annotations: source }),
    data,
  }
}

/**
 * sidecar.json as text. A suspended link keeps the settings that its sidecars have, while hosts and trust beside them go
 * on.
 */
export function settingsText(observed: Observed, role: Role, settings: object): string {
  const { link, objects } = observed
  const { name, uid = '' } = link.metadata
  const there = objects.find(
    (object) => object.kind === 'ConfigMap' && object.metadata.name === roleName(name, role),
  )
  if (link.spec.suspend && there !== undefined && isOwnedBy(there, uid)) {
    const kept = (there['data'] as Record<string, string> | undefined)?.[configFiles.settings]
    if (kept !== undefined) return kept
  }
  return jsonText(settings)
}

export function jsonText(data: object): string {
  return `${JSON.stringify(data, null, 2)}\n`
}
