/** Delivering: what sidecars that were asked say of themselves. */
import type { Observed, SidecarSample } from '../api/observed.ts'
import { namesOf, type Finding } from './finding.ts'

type Delivering = Finding<'Delivering'>

/** An event that waits this long is waiting for more than the next batch, ms. */
const delayedAfter = 60_000

/** Sidecars of pods that are gone no longer count. One that does not answer says nothing, unless none answers. */
export function delivering({ pods, samples }: Observed): Delivering {
  const running = pods.filter((pod) => !pod.finished)
  const sidecars = running.reduce((sum, pod) => sum + Object.keys(pod.sidecars).length, 0)
  const asked = samples.filter(({ pod, role }) =>
    running.some((each) => each.name === pod && each.sidecars[role] !== undefined),
  )
  if (asked.length === 0) {
    return { status: 'Unknown', reason: 'NotSampled', message: 'No sidecar was asked yet.' }
  }
  const answered = asked.filter(({ reachable }) => reachable)
  const count = `${answered.length} of ${sidecars} asked`
  if (answered.length === 0) {
    const message = `No sidecar answers when it is asked for its state: ${podNames(asked)}.`
    return { status: 'False', reason: 'Unreachable', message }
  }
  const troubled = answered.filter(({ problem }) => problem !== undefined)
  if (troubled.length > 0) {
    const causes = [...Map.groupBy(troubled, ({ problem = '' }) => problem)]
      .map(([cause, those]) => `${sentenceOf(cause)} (${podNames(those)})`)
      .toSorted()
    return {
      status: 'False',
      reason: 'SidecarProblem',
      message: `${causes.join(' ')} ${count}.`,
    }
  }
  const delayed = answered.filter(({ oldestEventAge = 0 }) => oldestEventAge > delayedAfter)
  if (delayed.length > 0) {
    const message = `Events wait for more than a minute in ${podNames(delayed)}. ${count}.`
    return { status: 'False', reason: 'Delayed', message }
  }
  return {
    status: 'True',
    reason: 'Delivering',
    message: `No sidecar reports a problem. ${count}.`,
  }
}

function podNames(samples: readonly SidecarSample[]): string {
  return namesOf([...new Set(samples.map(({ pod }) => pod))])
}

function sentenceOf(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`
}
