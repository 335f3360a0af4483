/** `--sidecar-resources`: JSON as the chart writes it. */
import type { OperatorOptions } from '../api/operator-options.ts'
import { resourceAmount } from '../api/quantity.ts'
import { show } from '../api/show.ts'

type SidecarResources = NonNullable<OperatorOptions['defaultResources']>

const groups = ['requests', 'limits'] as const

export function sidecarResourcesFrom(text: string, problems: string[]): SidecarResources {
  const refuse = (expected: string, got: unknown): void => {
    problems.push(`Expected \`--sidecar-resources\` to ${expected}, got ${show(got)}`)
  }
  const resources: SidecarResources = {}
  const given = parsed(text)
  if (!isRecord(given)) {
    refuse('be a JSON object with requests and limits', text)
    return resources
  }
  for (const key of Object.keys(given)) {
    if (!groups.some((group) => group === key)) refuse('have requests and limits alone', key)
  }
  for (const group of groups) {
    const amounts = given[group]
    if (amounts === undefined) continue
    if (!isRecord(amounts)) {
      refuse(`have ${group} by the name of the resource`, amounts)
      continue
    }
    const taken: Record<string, string> = {}
    for (const [name, amount] of Object.entries(amounts)) {
      if (isAmount(amount)) taken[name] = String(amount)
      else refuse(`have an amount such as 50m or 128Mi at ${group}.${name}`, amount)
    }
    resources[group] = taken
  }
  return resources
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    // What is no JSON is no object either, which is what is said of it.
    return undefined
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isAmount(value: unknown): value is string | number {
  if (typeof value !== 'string' && typeof value !== 'number') return false
  return resourceAmount(value) !== undefined
}
