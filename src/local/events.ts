/** Events as `kubectl describe` shows them, on the in-memory cluster and in the log. */
import { messageOf } from '../errors.ts'
import type { KubeObject } from '../api/objects.ts'
import type { Cluster } from '../kube/cluster.ts'
import type { Log } from '../telemetry/log.ts'

type EventType = 'Normal' | 'Warning'

export type RecordEvent = (
  regarding: KubeObject,
  type: EventType,
  reason: string,
  message: string,
) => void

/** @param component who says it, such as `kubelet` */
export function createRecorder(
  cluster: Cluster,
  log: Log,
  component: string,
  now: () => Date,
): RecordEvent {
  return ({ apiVersion, kind, metadata }, type, reason, message) => {
    const { name, namespace = 'default', uid } = metadata
    const fields = { [kind.toLowerCase()]: `${namespace}/${name}`, reason }
    if (type === 'Warning') log.warn(fields, message)
    else log.debug(fields, message)
    const event: KubeObject = {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { generateName: `${name}.`, namespace, name: '' },
      involvedObject: { apiVersion, kind, name, namespace, uid },
      type,
      reason,
      message,
      count: 1,
      firstTimestamp: now().toISOString(),
      lastTimestamp: now().toISOString(),
      source: { component },
    }
    cluster.create(event).catch((error: unknown) => {
      log.debug({ ...fields, error: messageOf(error) }, 'cannot record an event')
    })
  }
}
