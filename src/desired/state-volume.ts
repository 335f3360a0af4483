/** Where a sidecar keeps what is to outlive its process: dead letters, the queue on disk, how far files were read. Pure. */
import type { V1Volume } from '@kubernetes/client-node'
import type { LogstashLink } from '../api/link.ts'
import { mounts, sidecarVolumeName, stateFolder, type Role } from '../api/names.ts'
import { namespaceOf } from './metadata.ts'
import { fromConfig } from './mount-paths.ts'

/** `own`: an emptyDir that injection adds; else the volume of the pod that `queue.volume` names. */
export function stateVolume(link: LogstashLink, role: Role): { name: string; own?: V1Volume } {
  const given = role === 'sender' ? link.spec.sender?.queue.volume : undefined
  if (given !== undefined) return { name: given }
  const name = sidecarVolumeName(link.metadata.name, role, 'state')
  return { name, own: { name, emptyDir: {} } }
}

/**
 * A path in sidecar.json. In a volume of the pod all of it lies in one folder, named so that nothing of the application or
 * of another link bears its name.
 */
export function statePath(link: LogstashLink, role: Role, name: string): string {
  const { own } = stateVolume(link, role)
  return own === undefined
    ? fromConfig(mounts.state, stateFolder(namespaceOf(link), link.metadata.name, role), name)
    : fromConfig(mounts.state, name)
}
