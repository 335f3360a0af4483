/** Notices when what sidecars mount has changed, and says whose pods are to be told. */
import { roleName, tlsSecretName, type Role } from '../api/names.ts'
import { readInjection } from '../api/injection.ts'
import type { KubeObject } from '../api/objects.ts'
import type { Observed, ObservedPod } from '../api/observed.ts'
import { roles } from '../api/roles.ts'
import { kinds } from './kinds.ts'

/** The versions of what the sidecars of a role mount, as far as it exists. */
function mountedRevision(
  observed: Observed,
  role: Role,
  secretVersions: Readonly<Record<string, string>>,
): string {
  const { link, objects } = observed
  const { name } = link.metadata
  const configMap = objects.find(
    (object) =>
      object.kind === kinds.configMap.kind && object.metadata.name === roleName(name, role),
  )
  const auth = link.spec.auth?.secretRef.name
  return JSON.stringify({
    config: configMap?.metadata.resourceVersion,
    identity: secretVersions[tlsSecretName(name, role)],
    auth: auth === undefined ? undefined : secretVersions[auth],
  })
}

/** Running pods that carry a sidecar of a role. */
function mountingPods({ link, pods }: Observed, role: Role): ObservedPod[] {
  return pods.filter(
    (pod) =>
      !pod.finished && readInjection(pod.annotations, link.metadata.name, role) !== undefined,
  )
}

export interface MountedTracker {
  /**
   * The pods whose mounts changed since the last call for this link; at the first call those for which something was written.
   * `observed` holds the objects as they are after the writing.
   */
  changed(
    key: string,
    observed: Observed,
    seen: { written: readonly KubeObject[]; secretVersions: Readonly<Record<string, string>> },
  ): ObservedPod[]
  forget(key: string): void
}

export function createMountedTracker(): MountedTracker {
  const revisions = new Map<string, Partial<Record<Role, string>>>()
  return {
    changed(key, observed, seen) {
      const before = revisions.get(key) ?? {}
      const now = Object.fromEntries(
        roles.map((role) => [role, mountedRevision(observed, role, seen.secretVersions)]),
      ) as Record<Role, string>
      revisions.set(key, now)
      const { name } = observed.link.metadata
      const wrote = (role: Role) =>
        seen.written.some(
          (object) =>
            object.kind === kinds.configMap.kind && object.metadata.name === roleName(name, role),
        )
      const moved = roles.filter(
        (role) => wrote(role) || (before[role] !== undefined && before[role] !== now[role]),
      )
      return [...new Set(moved.flatMap((role) => mountingPods(observed, role)))]
    },
    forget: (key) => void revisions.delete(key),
  }
}
