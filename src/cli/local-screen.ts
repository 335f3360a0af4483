/** What `local` and `demo` tell of the cluster, one line for each change: conditions of links, pods and their addresses. */
import { apiVersion, kind } from '../api/names.ts'
import { keyOf } from '../api/objects.ts'
import type { LogstashLink } from '../api/link.ts'
import type { Clock, Timer } from '../controller/clock.ts'
import type { Cluster } from '../kube/cluster.ts'
import { isReady, podKind, type Pod } from '../local/pod.ts'

export interface Screen {
  cluster: Cluster
  clock: Clock
  tell: (line: string) => void
}

interface Told {
  /** Says at once what waits for the end of its moment. */
  flush(): void
  /** Says that as well, and nothing more. */
  stop(): void
}

/** What changes again within this time is told once, as it is then, ms. */
const settling = 300

/** Every condition of links whose status or reason changed, hosts of links, and pods. */
export function tellChanges(screen: Screen): Told {
  const calm = calmly(screen)
  const { cluster } = screen
  const links = cluster.watch({ apiVersion, kind }, {}, ({ type, object }) => {
    const link = object as LogstashLink
    const key = keyOf(link)
    if (type === 'DELETED') return calm.say(`link ${key}`, 'deleted', `link ${key} is deleted`)
    for (const { type: name, status, reason, message } of link.status?.conditions ?? []) {
      const state = `${name}=${status} ${reason}`
      calm.say(`link ${key} ${name}`, state, `link ${key}  ${state}: ${message}`)
    }
    sayHosts(calm, link)
  })
  const pods = cluster.watch(podKind, {}, ({ type, object }) => {
    const pod = object as Pod
    const line = `pod ${keyOf(pod)}  ${type === 'DELETED' ? 'gone' : podLine(pod)}`
    calm.say(`pod ${keyOf(pod)}`, line, line)
  })
  return endingWith(calm, [links, pods])
}

/** Only whether links are Ready, with the cause, and their hosts. */
export function tellReadiness(screen: Screen): Told {
  const calm = calmly(screen)
  const links = screen.cluster.watch({ apiVersion, kind }, {}, ({ object }) => {
    const link = object as LogstashLink
    const ready = link.status?.conditions?.find(({ type }) => type === 'Ready')
    if (ready !== undefined) {
      const state = `Ready=${ready.status} ${ready.reason}`
      calm.say(
        `link ${keyOf(link)}`,
        state,
        `link ${keyOf(link)}  Ready=${ready.status}: ${ready.message}`,
      )
    }
    sayHosts(calm, link)
  })
  return endingWith(calm, [links])
}

/** A table of all conditions, with their messages. */
export function conditionLines({ status }: LogstashLink): string[] {
  const conditions = status?.conditions ?? []
  const types = longest(conditions.map(({ type }) => type))
  const reasons = longest(conditions.map(({ reason }) => reason))
  return conditions.map(({ type, status: state, reason, message }) =>
    ['', type.padEnd(types), state.padEnd('Unknown'.length), reason.padEnd(reasons), message].join(
      '  ',
    ),
  )
}

function longest(texts: readonly string[]): number {
  return Math.max(0, ...texts.map(({ length }) => length))
}

function sayHosts(calm: Calm, link: LogstashLink): void {
  const key = keyOf(link)
  const hosts = (link.status?.hosts ?? []).join(' ')
  calm.say(`link ${key} hosts`, hosts, `link ${key}  hosts: ${hosts || 'none'}`, '')
}

interface Calm {
  /** @param before the state that goes without saying at first */
  say(subject: string, state: string, line: string, before?: string): void
  /** Says at once what waits. */
  flush(): void
}

function calmly({ clock, tell }: Pick<Screen, 'clock' | 'tell'>): Calm {
  const said = new Map<string, string>()
  const waiting = new Map<string, { state: string; line: string }>()
  let timer: Timer | undefined
  const flush = (): void => {
    timer?.cancel()
    timer = undefined
    for (const [subject, { state, line }] of waiting) {
      if (said.get(subject) === state) continue
      said.set(subject, state)
      tell(line)
    }
    waiting.clear()
  }
  return {
    say(subject, state, line, before) {
      if (before !== undefined && !said.has(subject)) said.set(subject, before)
      if (said.get(subject) === state && !waiting.has(subject)) return
      waiting.set(subject, { state, line })
      timer ??= clock.setTimer(flush, settling)
    },
    flush,
  }
}

function endingWith(calm: Calm, watches: readonly { stop(): void }[]): Told {
  return {
    flush: () => calm.flush(),
    stop() {
      for (const watch of watches) watch.stop()
      calm.flush()
    },
  }
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
