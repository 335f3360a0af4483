/** What a pod says of itself that injection goes by. */
import { resourceAmount } from '../api/quantity.ts'
import type { PodContainer, PodSpec } from './pod.ts'

/** TCP ports that containers declare or are probed on. Undeclared ones cannot be seen. */
export function usedPorts(containers: readonly PodContainer[]): Set<number> {
  const ports = containers.flatMap((container) => [
    ...(container.ports ?? [])
      .filter(({ protocol }) => (protocol ?? 'TCP') === 'TCP')
      .map(({ containerPort }) => containerPort),
    ...['startupProbe', 'readinessProbe', 'livenessProbe'].flatMap((name) =>
      probedPort(container[name]),
    ),
  ])
  return new Set(ports)
}

/** The user that all of the application's containers run as, if it is one and not root: sockets and files are then shared. */
export function commonUser(spec: PodSpec): number | undefined {
  const users = new Set(
    spec.containers.map(
      (each) => each.securityContext?.runAsUser ?? spec.securityContext?.runAsUser,
    ),
  )
  const [user] = users
  return users.size === 1 && user !== undefined && user > 0 ? user : undefined
}

/** QoS class Guaranteed: each container limits CPU and memory and asks for as much. */
export function isGuaranteed(spec: PodSpec): boolean {
  return allContainers(spec).every(({ resources }) =>
    ['cpu', 'memory'].every((name) => {
      const limit = amountOf(resources?.limits?.[name])
      const request = amountOf(resources?.requests?.[name]) ?? limit
      return limit !== undefined && limit > 0 && request === limit
    }),
  )
}

/** Resources that are given to the pod as a whole, by name. */
export function sharedResources({ resources }: PodSpec): string[] {
  const { requests = {}, limits = {} } = resources ?? {}
  return [...new Set([...Object.keys(requests), ...Object.keys(limits)])]
}

export function isWindows(spec: PodSpec): boolean {
  return spec.os?.name === 'windows' || spec.nodeSelector?.['kubernetes.io/os'] === 'windows'
}

export function allContainers(spec: PodSpec): PodContainer[] {
  return [...(spec.initContainers ?? []), ...spec.containers]
}

function probedPort(probe: unknown): number[] {
  const { httpGet, tcpSocket, grpc } = (probe ?? {}) as Record<string, { port?: unknown }>
  return [httpGet?.port, tcpSocket?.port, grpc?.port].filter((port) => typeof port === 'number')
}

function amountOf(text: string | number | undefined): number | undefined {
  return text === undefined ? undefined : resourceAmount(text)
}
