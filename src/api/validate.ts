/** From anything to a link: structure, defaults and rules, as the API server does by the CRD. */
import { check, type Problem } from './check.ts'
import { hostFault } from './hosts.ts'
import { linkSchema, type LogstashLink } from './link.ts'
import { problemPath, type Rule, ruleMessage } from './rule.ts'
import { rules } from './rules.ts'

/**
 * The link with defaults filled in, or everything that is wrong with it. Labels and annotations are the cluster's to check.
 */
export function parseLink(
  input: unknown,
): { link: LogstashLink; problems?: never } | { link?: never; problems: Problem[] } {
  const { value, problems: found, misshapen } = check(linkSchema, input, '')
  const problems = found.map((problem) => withHostFault(problem, value))
  for (const rule of rules)
    for (const { path, self } of placesOf(rule.at, value))
      if (!misshapen.some((each) => isWithin(each, path)) && !holds(rule, self))
        problems.push({ path: problemPath(path, rule), message: ruleMessage(path, rule) })
  return problems.length === 0 ? { link: value as LogstashLink } : { problems }
}

/** A pattern says only that a host is none; the parser knows why. */
function withHostFault(problem: Problem, value: unknown): Problem {
  const index = /^spec\.receiver\.hosts\[(\d+)\]$/.exec(problem.path)?.[1]
  if (index === undefined) return problem
  const host = (value as LogstashLink).spec.receiver.hosts?.[Number(index)]
  const fault = typeof host === 'string' ? hostFault(host) : undefined
  return fault === undefined ? problem : { ...problem, message: `${problem.message}: ${fault}` }
}

/** A rule is given what stands at its place, whose shape was checked before. */
function holds(rule: Rule, self: unknown): boolean {
  return rule.holds(self as never)
}

function placesOf(at: string, value: unknown): { path: string; self: unknown }[] {
  const steps = at === '' ? [] : at.split('.')
  return steps.reduce(
    (places, step) => places.flatMap((place) => stepInto(place, step)),
    [{ path: '', self: value }],
  )
}

function stepInto({ path, self }: { path: string; self: unknown }, step: string) {
  const key = step.replace('[]', '')
  const there = path === '' ? key : `${path}.${key}`
  const inner = (self as Record<string, unknown> | undefined)?.[key]
  if (inner === undefined) return []
  if (key === step) return [{ path: there, self: inner }]
  return Array.isArray(inner)
    ? inner.map((item: unknown, index) => ({ path: `${there}[${index}]`, self: item }))
    : []
}

function isWithin(path: string, place: string): boolean {
  return (
    place === '' || path === place || path.startsWith(`${place}.`) || path.startsWith(`${place}[`)
  )
}
