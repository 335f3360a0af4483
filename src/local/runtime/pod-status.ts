/** The status that a kubelet would write for a pod. Pure. */
import type { Container, ContainerStatus, Pod, PodCondition, PodSpec, PodStatus } from '../pod.ts'
import { isSidecar } from '../pod.ts'
import type { ContainerSnapshot } from './container.ts'

export function podStatus(input: {
  pod: Pod
  ip: string | undefined
  /** By container name; absent: not created yet. */
  snapshots: ReadonlyMap<string, ContainerSnapshot>
  startTime: string
  previous: PodCondition[]
  now: string
}): PodStatus {
  const { pod, ip, snapshots, startTime, previous, now } = input
  const { containers, initContainers = [] } = pod.spec
  const containerStatuses = containers.map((each) =>
    containerStatus(each, snapshots.get(each.name)),
  )
  const initContainerStatuses = initContainers.map((each) =>
    containerStatus(each, snapshots.get(each.name)),
  )
  const phase = phaseOf(pod.spec, snapshots)
  const notInitialized = initContainers.filter((each) => !isInitialized(each, snapshots))
  const finished = phase === 'Succeeded' || phase === 'Failed'
  const notReady = [...initContainers.filter(isSidecar), ...containers].filter(
    (each) => !snapshots.get(each.name)?.ready,
  )
  const condition = (
    type: string,
    unmet: Container[],
    reason: string,
    said: string,
  ): PodCondition => {
    const status = unmet.length === 0 ? 'True' : 'False'
    const before = previous.find((each) => each.type === type && each.status === status)
    const names = unmet.map((each) => each.name).join(' ')
    return {
      type,
      status,
      lastTransitionTime: before?.lastTransitionTime ?? now,
      ...(unmet.length > 0 && { reason, message: `containers with ${said} status: [${names}]` }),
    }
  }
  const unready = finished ? containers : notReady
  const reason = finished ? 'PodCompleted' : 'ContainersNotReady'
  return {
    phase,
    ...(ip !== undefined && { podIP: ip, podIPs: [{ ip }], hostIP: '127.0.0.1' }),
    startTime,
    conditions: [
      condition('PodScheduled', [], '', ''),
      condition('Initialized', notInitialized, 'ContainersNotInitialized', 'incomplete'),
      condition('ContainersReady', unready, reason, 'unready'),
      condition('Ready', unready, reason, 'unready'),
    ],
    ...(initContainers.length > 0 && { initContainerStatuses }),
    containerStatuses,
  }
}

function phaseOf(
  { containers, initContainers = [], restartPolicy = 'Always' }: PodSpec,
  snapshots: ReadonlyMap<string, ContainerSnapshot>,
): PodStatus['phase'] {
  const states = containers.map((each) => snapshots.get(each.name)?.state)
  if (states.some((state) => state === undefined)) return 'Pending'
  const ended = states.map((state) => state?.terminated)
  // Sidecars have work to finish when the others have ended: until then the pod is none that ended.
  const sidecarRuns = initContainers.some(
    (each) => isSidecar(each) && snapshots.get(each.name)?.state.running !== undefined,
  )
  const allEnded = !sidecarRuns && ended.every((state) => state !== undefined)
  if (restartPolicy !== 'Always' && allEnded) {
    if (ended.every((state) => state.exitCode === 0)) return 'Succeeded'
    if (restartPolicy === 'Never') return 'Failed'
  }
  return 'Running'
}

function isInitialized(
  container: Container,
  snapshots: ReadonlyMap<string, ContainerSnapshot>,
): boolean {
  const snapshot = snapshots.get(container.name)
  if (isSidecar(container)) return snapshot?.started === true || (snapshot?.restartCount ?? 0) > 0
  return snapshot?.state.terminated?.exitCode === 0
}

function containerStatus(
  container: Container,
  snapshot: ContainerSnapshot | undefined,
): ContainerStatus {
  const { name, image = '' } = container
  const isInitThatEnded = snapshot?.state.terminated?.exitCode === 0
  return {
    name,
    image,
    imageID: '',
    ready: snapshot?.ready === true || (isInitThatEnded && snapshot.ready),
    started: snapshot?.started ?? false,
    restartCount: snapshot?.restartCount ?? 0,
    state: snapshot?.state ?? { waiting: { reason: 'PodInitializing' } },
    lastState: snapshot?.lastState ?? {},
  }
}
