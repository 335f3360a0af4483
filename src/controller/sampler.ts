/**
 * Asks sidecars how they are. Each is asked in turn, all together no faster than the rate; what does not answer within the
 * time-out counts as not reachable.
 */
import { readInjection } from '../api/injection.ts'
import type { Role } from '../api/names.ts'
import type { Observed, SidecarSample } from '../api/observed.ts'
import { roles } from '../api/roles.ts'
import type { SidecarStatus } from '../api/sidecar-status.ts'
import type { Log } from '../telemetry/log.ts'
import type { Clock } from './clock.ts'
import type { Rate } from './token-bucket.ts'
import { createWorkQueue } from './work-queue.ts'

/** GET /status of a sidecar. Rejects when there is no usable answer within its time-out. */
export type Ask = (ip: string, port: number) => Promise<SidecarStatus>

export interface SamplerOptions {
  ask: Ask
  clock: Clock
  log: Log
  random: () => number
  /** Told when a link's samples say something else than before. */
  changed: (link: string) => void
  intervalMs?: number
  rate?: Rate
  concurrency?: number
}

export interface Sampler {
  /** The sidecars of a link, as last observed. */
  track(link: string, observed: Observed): void
  samples: (link: string) => SidecarSample[]
  forget(link: string): void
  stop(): Promise<void>
}

interface Target {
  link: string
  pod: string
  role: Role
  ip: string
  port: number
  /** As the kubelet sees it. */
  ready: boolean
  sample?: SidecarSample
}

/** Ages below this are the usual waiting; above, the conditions may care in steps of this. */
const ageStep = 10_000
/** Trouble is asked for again sooner, so that the conditions say soon that it is over. */
const troubledMs = 2000

export function createSampler(options: SamplerOptions): Sampler {
  const { ask, clock, log, random, changed, intervalMs = 10_000 } = options
  const targets = new Map<string, Target>()
  const ofLink = new Map<string, Set<string>>()

  const sample = async (id: string) => {
    const target = targets.get(id)
    if (target === undefined) return gone(id)
    const { link, pod, role, ip, port } = target
    const answer = await ask(ip, port).catch(() => undefined)
    const at = new Date(clock.now()).toISOString()
    const live = targets.get(id)
    if (live === undefined) return gone(id)
    const before = live.sample
    // One that is still starting, or starts again, says nothing, and that it does not is told by its readiness.
    if (answer === undefined && !live.ready) delete live.sample
    else live.sample = sampleOf({ pod, role, at }, answer)
    if (meaning(before) !== meaning(live.sample)) changed(link)
    const isWell = answer !== undefined && answer.problem === undefined
    const pause = isWell ? intervalMs : Math.min(intervalMs, troubledMs)
    return { againAfterMs: pause * (0.9 + random() / 5) }
  }

  /** It was added once more before it was dropped: the queue keeps nothing of it either. */
  const gone = (id: string) => {
    queue.forget(id)
    return {}
  }

  const queue = createWorkQueue({
    clock,
    random,
    work: sample,
    rate: options.rate ?? { perSecond: 20, burst: 20 },
    concurrency: options.concurrency ?? 8,
    // An ask that fails is an answer too, so this is a mistake of ours.
    onFailure: (sidecar, error) => log.error({ sidecar, err: error }, 'A sample was not taken'),
  })

  const drop = (id: string) => {
    targets.delete(id)
    queue.forget(id)
  }

  return {
    track(link, observed) {
      const found = targetsOf(link, observed)
      for (const id of ofLink.get(link) ?? []) if (!found.has(id)) drop(id)
      ofLink.set(link, new Set(found.keys()))
      for (const [id, target] of found) {
        const known = targets.get(id)
        targets.set(id, known?.sample === undefined ? target : { ...target, sample: known.sample })
        if (known === undefined || (target.ready && !known.ready)) queue.add(id)
      }
    },
    samples: (link) => [...(ofLink.get(link) ?? [])].flatMap((id) => targets.get(id)?.sample ?? []),
    forget(link) {
      for (const id of ofLink.get(link) ?? []) drop(id)
      ofLink.delete(link)
    },
    stop: () => queue.stop(),
  }
}

/** Running pods with an address, by the port that the injector noted on them. */
function targetsOf(link: string, { link: { metadata }, pods }: Observed): Map<string, Target> {
  const found = new Map<string, Target>()
  for (const pod of pods) {
    const ip = pod.ips[0]
    if (pod.finished || ip === undefined) continue
    for (const role of roles) {
      const port = readInjection(pod.annotations, metadata.name, role)?.healthPort
      if (port === undefined) continue
      const ready = pod.sidecars[role]?.ready === true
      found.set(`${link} ${role} ${pod.name} ${ip}`, { link, pod: pod.name, role, ip, port, ready })
    }
  }
  return found
}

function sampleOf(
  of: Pick<SidecarSample, 'pod' | 'role' | 'at'>,
  answer: SidecarStatus | undefined,
): SidecarSample {
  const { identity, ...rest } = answer ?? {}
  const shown = identity === undefined ? {} : { identity: identity.fingerprint }
  return { ...of, reachable: answer !== undefined, ...rest, ...shown }
}

function meaning(sample: SidecarSample | undefined): string {
  if (sample === undefined) return ''
  const { reachable, problem, identity, oldestEventAge = 0 } = sample
  return JSON.stringify([reachable, problem, identity, Math.floor(oldestEventAge / ageStep)])
}
