/** Ports of sidecars in one pod, which all share one network. */
import type { LogstashLink } from '../api/link.ts'
import { firstHealthPort, type Role } from '../api/names.ts'

/** What a link's sidecar listens on for others than the kubelet. */
export function dataPorts({ spec }: LogstashLink, role: Role): number[] {
  if (role === 'receiver') return [spec.receiver.port]
  const { http, tcp } = spec.sender?.collect ?? {}
  return [http?.port, tcp?.port].filter((port) => port !== undefined)
}

/** Where a link's receiver meets the application: in use, though the pod may not declare it. */
export function applicationPorts({ spec }: LogstashLink, role: Role): number[] {
  if (role === 'sender') return []
  const { http, tcp } = spec.receiver.deliver ?? {}
  return [http?.port, tcp?.port].filter((port) => port !== undefined)
}

/** The first from 9601 up that nobody uses. */
export function freeHealthPort(used: ReadonlySet<number>): number {
  let port = firstHealthPort
  while (used.has(port)) port += 1
  return port
}
