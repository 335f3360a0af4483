/**
 * Startup, readiness and liveness of a container, by the thresholds of Kubernetes, with one difference: as long as a probe
 * has not succeeded it is asked every 0.25 s, so that a pod is ready as soon as it is; failures still count once a period.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { Container, Probe } from '../pod.ts'

/** One asking. Resolves with undefined when all is well, else with what is wrong. */
export type AskProbe = (probe: Probe, signal: AbortSignal) => Promise<string | undefined>

export interface ProbeEvents {
  /** The startup probe has succeeded, or there is none. */
  started: () => void
  ready: (isReady: boolean, why: string) => void
  /** Startup or liveness failed for good: the container is to be restarted. */
  failed: (message: string) => void
}

const eagerPeriod = 250

/** Runs until the signal fires. */
export function watchProbes(
  container: Container,
  ask: AskProbe,
  events: ProbeEvents,
  signal: AbortSignal,
): void {
  void run().catch((error: unknown) => {
    if (!signal.aborted) events.failed(String(error))
  })

  async function run(): Promise<void> {
    const { startupProbe, readinessProbe, livenessProbe } = container
    if (startupProbe) {
      const ok = await untilFirst(startupProbe, 'Startup')
      if (!ok) return
    }
    events.started()
    if (!readinessProbe) events.ready(true, '')
    await Promise.all([
      readinessProbe && watch(readinessProbe, events.ready),
      livenessProbe &&
        watch(livenessProbe, (alive, why) => {
          if (!alive) events.failed(`Liveness probe failed: ${why}`)
        }),
    ])
  }

  async function untilFirst(probe: Probe, what: string): Promise<boolean> {
    let won = false
    await watch(probe, (ok, why) => {
      won = ok
      if (!ok) events.failed(`${what} probe failed: ${why}`)
      return 'stop'
    })
    return won
  }

  /** Tells of each change between success and failure; the first success is told, and failure past the threshold. */
  async function watch(
    probe: Probe,
    tell: (ok: boolean, why: string) => 'stop' | void,
  ): Promise<void> {
    const period = (probe.periodSeconds ?? 10) * 1000
    const { failureThreshold = 3, successThreshold = 1 } = probe
    await delay((probe.initialDelaySeconds ?? 0) * 1000, undefined, { signal })
    let state: boolean | undefined
    let successes = 0
    let failures = 0
    let countedAt = performance.now() - period
    while (!signal.aborted) {
      const problem = await ask(probe, signal)
      if (signal.aborted) return
      const now = performance.now()
      if (problem === undefined) {
        successes += 1
        failures = 0
        if (state !== true && successes >= successThreshold) {
          state = true
          if (tell(true, '') === 'stop') return
        }
      } else {
        successes = 0
        // A failure within the same period as the last one counted is the eager asking, not a new failure.
        if (now - countedAt >= period * 0.9) {
          failures += 1
          countedAt = now
        }
        if (state !== false && failures >= failureThreshold) {
          state = false
          if (tell(false, problem) === 'stop') return
        }
      }
      await delay(state === true ? period : Math.min(period, eagerPeriod), undefined, { signal })
    }
  }
}
