/** The links and their pods that are not as they should be, and why. Pure. */
import type { LinkView, RoleView } from '../status/view.ts'
import type { CheckResult } from './result.ts'

export function linkResults(views: readonly LinkView[] | undefined): CheckResult[] {
  if (views === undefined) return []
  if (views.length === 0) {
    return [{ name: 'links are Ready', outcome: 'ok', message: 'There are none.' }]
  }
  const [well, open] = [views.filter(isWell), views.filter((view) => !isWell(view))]
  const all: CheckResult = {
    name: 'links are Ready',
    outcome: 'ok',
    message: `${well.length} of ${views.length}.`,
  }
  return [...(well.length === 0 ? [] : [all]), ...open.map(linkResult)]
}

function isWell(view: LinkView): boolean {
  return view.ready && problemsOf(view).length === 0
}

function linkResult(view: LinkView): CheckResult {
  const { namespace, name, ready, notSeen, conditions } = view
  const summary = conditions.find(({ type }) => type === 'Ready')
  const isOpen = !ready && summary?.status !== 'False'
  const problems = problemsOf(view)
  const why = ready
    ? problems.join(' ')
    : (notSeen ?? summary?.message ?? 'It has no condition Ready.')
  const mend = mendOf(view)
  return {
    name: `link ${namespace}/${name} is Ready`,
    outcome: ready || isOpen ? 'warning' : 'failed',
    message: why,
    ...(mend === undefined ? {} : { mend }),
  }
}

function mendOf(view: LinkView): string | undefined {
  const { namespace, name, ready, notSeen, receivers, senders } = view
  if (notSeen !== undefined) return 'see the checks of the operator above'
  const restart = [receivers, senders].flatMap((role) => role?.restart ?? [])
  if (restart.length > 0) return restart.join(' && ')
  return ready ? undefined : `logstash-link status ${name} -n ${namespace}`
}

/** What sidecars say that is no matter of conditions yet. */
function problemsOf({ receivers, senders }: LinkView): string[] {
  return [receivers, senders].flatMap((role) => (role === undefined ? [] : reported(role)))
}

function reported({ pods }: RoleView): string[] {
  return pods.flatMap(({ name, report }) =>
    report.asked && report.problem !== undefined ? [`Pod ${name}: ${report.problem}.`] : [],
  )
}
