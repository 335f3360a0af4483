/**
 * Runs one pod: volumes, then initContainers in order (native sidecars stay and must have started before the next), then
 * all containers. It ends in reverse: containers first, then sidecars from the last to the first, within one grace period.
 */
import type { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { messageOf } from '../../errors.ts'
import type { Log } from '../../telemetry/log.ts'
import { isSidecar, type Container, type Pod } from '../pod.ts'
import type { PodAddress } from './addresses.ts'
import { probeAsker } from './ask-probe.ts'
import { runContainer, type ContainerRun, type ContainerSnapshot } from './container.ts'
import { containerEnvironment, type Objects } from './environment.ts'
import type { ContainerLog } from './logs.ts'
import { startProcess, type Groups, type RunningProcess } from './process.ts'
import { programOf, type Program, type Programs } from './program.ts'
import type { PodVolumes } from './volumes.ts'

export interface PodRun {
  readonly address: PodAddress
  /** By container name; absent: not created yet. */
  snapshots(): ReadonlyMap<string, ContainerSnapshot>
  /** The pod's metadata, a ConfigMap or a Secret changed: volumes are brought up to date. */
  refresh(pod: Pod): Promise<void>
  processes(): { container: string; pid: number }[]
  stop(graceMs: number): Promise<void>
}

export interface PodDeps {
  address: PodAddress
  volumes: PodVolumes
  objects: Objects
  programs: Programs
  groups: Groups
  /** Environment of every process: PATH and the like. */
  base: Record<string, string>
  openLog(container: string): ContainerLog
  now: () => Date
  changed: () => void
  event: (type: 'Normal' | 'Warning', reason: string, message: string) => void
  log: Log
}

/** Said in seconds by terminationGracePeriodSeconds; Kubernetes' default. */
const defaultGrace = 30
const retryMount = 500
/** What a sidecar has at least, when the containers before it took up all of the grace, ms. */
const leastGrace = 2000

export function runPod(initial: Pod, deps: PodDeps): PodRun {
  const { address, volumes, objects } = deps
  const { containers, initContainers = [], restartPolicy = 'Always' } = initial.spec
  const runs = new Map<string, ContainerRun>()
  const logs: ContainerLog[] = []
  const stopping = new AbortController()
  let pod = initial
  const graceMs = (initial.spec.terminationGracePeriodSeconds ?? defaultGrace) * 1000

  const life = live().catch((error: unknown) => {
    if (!stopping.signal.aborted) {
      deps.log.error({ pod: pod.metadata.name, error: messageOf(error) }, 'cannot run a pod')
      deps.event('Warning', 'Failed', messageOf(error))
    }
  })

  async function live(): Promise<void> {
    await mounted()
    for (const container of initContainers) {
      if (stopping.signal.aborted) return
      if (isSidecar(container)) {
        await start(container, 'Always').started
        continue
      }
      const { exitCode } = await start(container, restartPolicy === 'Never' ? 'Never' : 'OnFailure')
        .finished
      if (exitCode !== 0) return
    }
    if (stopping.signal.aborted) return
    const started = containers.map((container) => start(container, restartPolicy))
    await Promise.all(started.map((run) => run.finished))
    // Nothing but sidecars is left: a pod that has done its work ends them.
    await stopSidecars(performance.now() + graceMs)
  }

  async function mounted(): Promise<void> {
    let said: string | undefined
    for (;;) {
      const missing = await volumes.refresh(pod, objects)
      if (missing === undefined) return
      if (missing !== said)
        deps.event('Warning', 'FailedMount', `MountVolume.SetUp failed for ${missing}`)
      said = missing
      await delay(retryMount, undefined, { signal: stopping.signal })
    }
  }

  function start(container: Container, policy: 'Always' | 'OnFailure' | 'Never'): ContainerRun {
    const log = deps.openLog(container.name)
    logs.push(log)
    const attach = (stream: Readable): void => log.attach(stream)
    const launch = (program: Program): RunningProcess =>
      startProcess(program, { groups: deps.groups, onOutput: attach })
    const run = runContainer(container, policy, graceMs, {
      program: () => programFor(container),
      start: launch,
      ask: probeAsker(container, address.ip, async (command, signal) => {
        const program = programFor({ ...container, command, args: [] })
        if ('missing' in program) return 1
        const process = launch(program)
        const end = (): void => void process.stop(0)
        signal.addEventListener('abort', end)
        const { exitCode } = await process.exited
        signal.removeEventListener('abort', end)
        return exitCode
      }),
      now: deps.now,
      changed: deps.changed,
      event: deps.event,
    })
    runs.set(container.name, run)
    return run
  }

  function programFor(container: Container): Program | { missing: string } {
    const environment = containerEnvironment({
      container,
      pod,
      address: address.ip,
      objects,
      base: deps.base,
    })
    if (environment.missing !== undefined) return { missing: environment.missing }
    return programOf(container, volumes.root(container), environment.env, deps.programs)
  }

  async function stopSidecars(deadline: number): Promise<void> {
    for (const container of initContainers.toReversed()) {
      const left = Math.max(leastGrace, deadline - performance.now())
      await runs.get(container.name)?.stop(left)
    }
  }

  return {
    address,
    snapshots: () => new Map([...runs].map(([name, run]) => [name, run.snapshot()])),
    async refresh(changed) {
      pod = changed
      await volumes.refresh(pod, objects)
    },
    processes: () =>
      [...runs.values()].flatMap((run) => {
        const pid = run.pid()
        return pid === undefined ? [] : [{ container: run.name, pid }]
      }),
    async stop(grace) {
      stopping.abort()
      const deadline = performance.now() + grace
      await Promise.all(containers.map(async ({ name }) => runs.get(name)?.stop(grace)))
      await stopSidecars(deadline)
      await life
      await Promise.all(logs.map((log) => log.close()))
    },
  }
}
