/** What `local` and `demo` tell of the cluster, one line for each change: conditions of links, pods and their addresses. */
import { apiVersion, kind } from '../api/names.ts'
import { keyOf } from '../api/objects.ts'
import type { LogstashLink } from '../api/link.ts'
import type { Cluster } from '../kube/cluster.ts'
import { isReady, podKind, type Pod } from '../local/pod.ts'

/** Conditions and pods, with every change of their messages; until it is stopped. */
export function tellChanges(cluster: Cluster, tell: (line: string) => void): { stop(): void } {
  const pods = new Map<string, string>()
  const links = tellConditions(cluster, tell)
  const running = cluster.watch(podKind, {}, ({ type, object }) => {
    const pod = object as Pod
    const key = keyOf(pod)
    const line = type === 'DELETED' ? 'gone' : podLine(pod)
    if (pods.get(key) === line) return
    pods.set(key, line)
    tell(`pod ${key}  ${line}`)
  })
  return {
    stop() {
      links.stop()
      running.stop()
    },
  }
}

/** Conditions whose status or reason changed, and the hosts of links. */
export function tellConditions(cluster: Cluster, tell: (line: string) => void): { stop(): void } {
  const said = new Map<string, string>()
  const once = (subject: string, state: string, line: string): void => {
    if (said.get(subject) === state) return
    said.set(subject, state)
    tell(line)
  }
  return cluster.watch({ apiVersion, kind }, {}, ({ type, object }) => {
    const link = object as LogstashLink
    const key = keyOf(link)
    if (type === 'DELETED') tell(`link ${key} is deleted`)
    for (const { type: name, status, reason, message } of link.status?.conditions ?? []) {
      const state = `${name}=${status} ${reason}`
      once(`${key} ${name}`, state, `link ${key}  ${state}: ${message}`)
    }
    const hosts = link.status?.hosts ?? []
    once(`${key} hosts`, hosts.join(' '), `link ${key}  hosts: ${hosts.join(' ') || 'none yet'}`)
  })
}

function podLine(pod: Pod): string {
  const {
    podIP = 'no address yet',
    initContainerStatuses = [],
    containerStatuses = [],
  } = pod.status ?? {}
  const all = [...initContainerStatuses, ...containerStatuses]
  const restarts = all
    .filter((each) => each.restartCount > 0)
    .map((each) => `${each.name} restarted ${each.restartCount}×`)
  const waiting = all.flatMap(({ name, state }) =>
    state.waiting?.message === undefined ? [] : [`${name}: ${state.waiting.message}`],
  )
  const state = pod.metadata.deletionTimestamp
    ? 'terminating'
    : isReady(pod)
      ? 'ready'
      : (pod.status?.phase ?? 'Pending').toLowerCase()
  return [`${state} at ${podIP}`, ...restarts, ...waiting].join(', ')
}
