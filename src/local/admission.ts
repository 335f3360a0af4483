/** What the webhook does on a real cluster: sidecars for pods that links select. */
import { apiVersion, kind } from '../api/names.ts'
import type { KubeObject } from '../api/objects.ts'
import type { LogstashLink } from '../api/link.ts'
import type { OperatorOptions } from '../api/operator-options.ts'
import { parseLink } from '../api/validate.ts'
import { inject } from '../injector/inject.ts'
import { declaredPorts, mapPorts } from './port-mapping.ts'
import type { Pod } from './pod.ts'
import { freePorts } from './runtime/addresses.ts'
import type { Log } from '../telemetry/log.ts'
import type { Validator } from './cluster/in-memory-cluster.ts'

/** @param links of a namespace @param sharedAddress all pods are at 127.0.0.1, so that their ports have to differ */
export function podAdmission(
  links: (namespace: string) => Promise<LogstashLink[]>,
  options: OperatorOptions,
  log: Log,
  sharedAddress: boolean,
): (pod: KubeObject) => Promise<KubeObject> {
  return async (pod) => {
    const { namespace = 'default', name } = pod.metadata
    const result = inject({ pod, namespace, links: await links(namespace), options })
    for (const { link, role, reason, message } of result.skipped) {
      log.warn({ pod: `${namespace}/${name}`, link, role, reason }, message)
    }
    if (!sharedAddress) return result.pod
    const injected = result.pod as Pod
    const ports = declaredPorts(injected)
    const free = await freePorts(ports.length)
    return mapPorts(injected, new Map(ports.map((port, index) => [port, free[index] ?? port])))
  }
}

/** The CRD in the API server's place. */
export const linkValidator: Validator = (object) => {
  const { link, problems } = parseLink(object)
  return link ? { object: link } : { problems: problems.map(({ message }) => message) }
}

export const linkKind = { apiVersion, kind }
