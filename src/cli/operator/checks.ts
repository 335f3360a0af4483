import type { Check, Checks } from '../../telemetry/answers.ts'

/** All of them; parts name their checks differently. */
export function allChecks(parts: readonly Checks[]): Checks {
  return {
    live: Object.assign({}, ...parts.map(({ live }) => live)),
    ready: Object.assign({}, ...parts.map(({ ready }) => ready)),
  }
}

/** What is worth telling, but no reason to take the replica out of the webhook's Service. */
export function asInformation({ live, ready }: Checks, prefix: string): Checks {
  const told = Object.entries(ready).map(([name, check]): [string, Check] => [
    `${prefix} ${name}`,
    () => ({ ok: true, message: check().message }),
  ])
  return { live, ready: Object.fromEntries(told) }
}
