import type { V1ServiceSpec } from '@kubernetes/client-node'
import type { LogstashLink } from '../api/link.ts'
import { injectedLabel, receiverPortName, roleName } from '../api/names.ts'
import type { KubeObject } from '../api/objects.ts'
import { objectMeta } from './metadata.ts'

/**
 * Headless: senders balance by themselves over its endpoints. It selects pods that carry our sidecar, not those that
 * should. The target is named: after a change of the port each pod stays reachable on the one that it listens on.
 * Where the cluster has two families it gets both, for outside clients; discovery takes one address of each pod.
 */
export function receiverService(link: LogstashLink): KubeObject {
  const { name } = link.metadata
  const portName = receiverPortName(name)
  const spec = {
    type: 'ClusterIP',
    clusterIP: 'None',
    ipFamilyPolicy: 'PreferDualStack',
    publishNotReadyAddresses: false,
    selector: { [injectedLabel(name, 'receiver')]: 'true' },
    ports: [
      {
        name: portName,
        port: link.spec.receiver.port,
        targetPort: portName,
        protocol: 'TCP',
        appProtocol: link.spec.tls.enabled ? 'https' : 'http',
      },
    ],
  } satisfies V1ServiceSpec
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: objectMeta(link, roleName(name, 'receiver'), { role: 'receiver' }),
    spec,
  }
}
