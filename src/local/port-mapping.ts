/**
 * Where all pods share 127.0.0.1, each port that a pod declares becomes a free one of the machine: in its ports, probes,
 * the flags of our sidecars and the notes of injection. Applications are told by the environment: LOGSTASH_LINK_PORT_8080
 * is where port 8080 of the pod lies. Pure.
 */
import { environment, group } from '../api/names.ts'
import type { Container, Pod, Probe } from './pod.ts'
import { isOwnImage } from './runtime/program.ts'

const annotation = `local.${group}/ports`
const portFlags = ['--port', '--http', '--tcp', '--health-port']

/** All ports that the containers of a pod declare; sidecars declare those of their health endpoints too. */
export function declaredPorts({ spec }: Pod): number[] {
  const containers = [...(spec.initContainers ?? []), ...spec.containers]
  const ports = containers.flatMap((each) => (each.ports ?? []).map((port) => port.containerPort))
  return [...new Set(ports)]
}

/** Port of the pod → port of the machine, as noted on a pod; empty where pods have addresses of their own. */
export function mappedPorts({ metadata }: Pod): Record<number, number> {
  const text = metadata.annotations?.[annotation]
  return text === undefined ? {} : (JSON.parse(text) as Record<number, number>)
}

export function mapPorts(pod: Pod, map: ReadonlyMap<number, number>): Pod {
  const of = (port: number): number => map.get(port) ?? port
  const variables = [...map].map(([from, to]) => ({
    name: `${environment.podPort}${from}`,
    value: String(to),
  }))
  const container = (each: Container): Container => ({
    ...each,
    env: [...variables, ...(each.env ?? [])],
    ...(each.ports && {
      ports: each.ports.map((port) => ({ ...port, containerPort: of(port.containerPort) })),
    }),
    ...(each.args && isOwnImage(each.image) && { args: mapFlags(each.args, of) }),
    ...(each.startupProbe && { startupProbe: mapProbe(each.startupProbe, of) }),
    ...(each.readinessProbe && { readinessProbe: mapProbe(each.readinessProbe, of) }),
    ...(each.livenessProbe && { livenessProbe: mapProbe(each.livenessProbe, of) }),
  })
  const { initContainers, containers } = pod.spec
  return {
    ...pod,
    metadata: {
      ...pod.metadata,
      annotations: {
        ...mapNotes(pod.metadata.annotations ?? {}, of),
        [annotation]: JSON.stringify(Object.fromEntries(map)),
      },
    },
    spec: {
      ...pod.spec,
      ...(initContainers && { initContainers: initContainers.map(container) }),
      containers: containers.map(container),
    },
  }
}

function mapFlags(args: readonly string[], of: (port: number) => number): string[] {
  return args.map((arg, index) =>
    portFlags.includes(args[index - 1] ?? '') ? String(of(Number(arg))) : arg,
  )
}

function mapProbe(probe: Probe, of: (port: number) => number): Probe {
  const map = <T extends { port: number | string }>(target: T): T =>
    typeof target.port === 'number' ? { ...target, port: of(target.port) } : target
  return {
    ...probe,
    ...(probe.httpGet && { httpGet: map(probe.httpGet) }),
    ...(probe.tcpSocket && { tcpSocket: map(probe.tcpSocket) }),
  }
}

/** What injection noted: {hash, healthPort, port?}. */
function mapNotes(
  notes: Record<string, string>,
  of: (port: number) => number,
): Record<string, string> {
  const entries = Object.entries(notes).map(([key, text]) => {
    if (!/^(receiver|sender)\./.test(key)) return [key, text]
    return [
      key,
      text.replace(
        /("(?:healthPort|port)":)(\d+)/g,
        (_, name, port) => `${name}${of(Number(port))}`,
      ),
    ]
  })
  return Object.fromEntries(entries) as Record<string, string>
}
