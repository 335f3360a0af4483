/**
 * What to do about the pods of a Job. Pure.
 *
 *   succeeded < completions   as many pods at work as parallelism allows, each new one in place of a failed one
 *   failed > backoffLimit     the Job has failed; what still runs is ended
 *   succeeded = completions   the Job is complete; its pods stay, to be read
 *
 * A pod has succeeded once nothing of it runs: its sidecars send what they have before.
 */
import type { Kind } from '../../api/objects.ts'
import { isFinished, type Pod } from '../pod.ts'
import { podOf, type Workload, type WorkloadPlan } from './workload.ts'

export const jobKind: Kind = { apiVersion: 'batch/v1', kind: 'Job' }

export interface Job extends Workload {
  spec: Workload['spec'] & {
    completions?: number
    parallelism?: number
    backoffLimit?: number
    [field: string]: unknown
  }
  status?: JobStatus
}

interface JobStatus {
  startTime?: string
  completionTime?: string
  active: number
  succeeded: number
  failed: number
  conditions?: JobCondition[]
}

interface JobCondition {
  type: 'Complete' | 'Failed'
  status: 'True'
  reason: string
  message: string
  lastTransitionTime: string
}

/** @param suffix makes the rest of a pod's name; @param now RFC 3339 */
export function planJob(
  job: Job,
  pods: readonly Pod[],
  { suffix, now }: { suffix: () => string; now: string },
): WorkloadPlan {
  const { parallelism = 1, completions = parallelism, backoffLimit = 6 } = job.spec
  const succeeded = pods.filter((pod) => pod.status?.phase === 'Succeeded').length
  const failed = pods.filter((pod) => pod.status?.phase === 'Failed').length
  const working = pods.filter(
    (pod) => !isFinished(pod) && pod.metadata.deletionTimestamp === undefined,
  )
  const before = job.status?.conditions ?? []
  const over =
    before.length > 0 ? before : verdictOf({ succeeded, failed, completions, backoffLimit, now })
  const wanted = over.length > 0 ? 0 : Math.min(parallelism, completions - succeeded)
  const create = Array.from({ length: Math.max(0, wanted - working.length) }, () =>
    podOf(job, jobKind, {
      name: `${job.metadata.name}-${suffix()}`,
      labels: { 'batch.kubernetes.io/job-name': job.metadata.name, 'job-name': job.metadata.name },
    }),
  )
  const remove = working.slice(Math.max(0, wanted))
  const completed = over.some(({ type }) => type === 'Complete')
  return {
    claims: [],
    create,
    remove,
    status: {
      startTime: job.status?.startTime ?? now,
      ...(completed && { completionTime: job.status?.completionTime ?? now }),
      active: working.length - remove.length + create.length,
      succeeded,
      failed,
      ...(over.length > 0 && { conditions: over }),
    },
  }
}

function verdictOf(count: {
  succeeded: number
  failed: number
  completions: number
  backoffLimit: number
  now: string
}): JobCondition[] {
  const { succeeded, failed, completions, backoffLimit, now } = count
  const common = { status: 'True', lastTransitionTime: now } as const
  if (succeeded >= completions) {
    const message = 'Reached expected number of succeeded pods'
    return [{ ...common, type: 'Complete', reason: 'CompletionsReached', message }]
  }
  if (failed > backoffLimit) {
    const message = 'Job has reached the specified backoff limit'
    return [{ ...common, type: 'Failed', reason: 'BackoffLimitExceeded', message }]
  }
  return []
}

/** Fields of a Job's spec that change what becomes of it, and that local does not act on. */
const unknownFields = [
  'activeDeadlineSeconds',
  'ttlSecondsAfterFinished',
  'podFailurePolicy',
  'successPolicy',
]

/** Sentences for what local cannot do with a Job, beside what it says of the pod. */
export function jobProblems(spec: Partial<Job['spec']>): string[] {
  const policy = spec.template?.spec?.restartPolicy
  const given = unknownFields.filter((field) => spec[field] !== undefined)
  return [
    ...(policy === 'Never' || policy === 'OnFailure'
      ? []
      : [
          `Expected \`spec.template.spec.restartPolicy\` to be Never or OnFailure, got ${JSON.stringify(policy ?? null)}`,
        ]),
    ...given.map((field) => `\`spec.${field}\`: local does not know it`),
    ...(spec['suspend'] === true ? ['`spec.suspend`: local runs a Job at once'] : []),
    ...(spec['completionMode'] === 'Indexed'
      ? ['`spec.completionMode`: local numbers no pods of a Job']
      : []),
  ]
}
