/** How long a sidecar may take to end: within what its pod has. Pure. */

/** What Kubernetes gives a pod that says nothing; programs are made for it. */
export const defaultGraceSeconds = 30

/** Left of the pod's grace for the program to close and report, at most: 30 s → 25 s. */
const reserveMs = 5000

/**
 * Arguments of a pod whose terminationGracePeriodSeconds is not the default. The application ends first and takes its part
 * of the same grace; how much that was nobody tells a sidecar.
 */
export function graceArguments(seconds: number): string[] {
  if (seconds === defaultGraceSeconds) return []
  const ms = Math.max(1, seconds) * 1000
  return ['--grace', `${ms - Math.min(reserveMs, ms / 5)}ms`]
}
