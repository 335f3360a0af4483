/** How long a program of the data plane may take to finish after SIGTERM. */
import { durationFlag } from './values.ts'

export const graceFlags = {
  grace: { value: 'TIME', help: 'time to finish what is under way after SIGTERM (25s)' },
} as const

/** Below the 30 s that Kubernetes gives a pod by default. */
const defaultGrace = 25_000

/** Milliseconds. */
export function graceFrom(
  flags: { get(name: keyof typeof graceFlags): string | undefined },
  problems: string[],
): number {
  return durationFlag(flags, 'grace', defaultGrace, problems)
}
