/** A pod made as a dry run, with the labels that a link selects, comes back with the sidecar: all of the webhook's way. */
import { readSkip } from '../../api/injection.ts'
import type { LogstashLink } from '../../api/link.ts'
import { sidecarName, type Role } from '../../api/names.ts'
import type { KubeObject } from '../../api/objects.ts'
import { roles, selectorOf } from '../../api/roles.ts'
import { messageOf } from '../../errors.ts'
import { ClusterError } from '../../kube/cluster.ts'
import { pathOf } from '../status/api.ts'
import { attempt, type CheckContext } from './context.ts'
import type { CheckResult } from './result.ts'

const name = 'a new pod gets its sidecar'
/** One link of each of so many namespaces is tried. */
const most = 3

export async function checkInjection({ api, links = [] }: CheckContext): Promise<CheckResult[]> {
  const byNamespace = Map.groupBy(links, ({ metadata }) => metadata.namespace ?? 'default')
  const trials = [...byNamespace]
    .flatMap(([, those]) => those.flatMap(trialOf).slice(0, 1))
    .slice(0, most)
  if (trials.length === 0) {
    const message = 'Not tried: no link is accepted whose selector names labels alone.'
    return [{ name, outcome: 'ok', message }]
  }
  const results = await Promise.all(
    trials.map((trial) => {
      const namespace = trial.pod.metadata.namespace ?? 'default'
      const title = trials.length === 1 ? name : `${name} in ${namespace}`
      return attempt(title, async () => {
        try {
          const answer = await api.post(`${pathOf('v1', 'pods', namespace)}?dryRun=All`, trial.pod)
          return [injectionResult(title, trial, answer as KubeObject)]
        } catch (error) {
          // A quota or a policy of the namespace refuses the pod for reasons that have nothing to do with links.
          if (!(error instanceof ClusterError) || error.reason !== 'Invalid') throw error
          return [{ name: title, outcome: 'warning', message: `Not tried: ${messageOf(error)}` }]
        }
      })
    }),
  )
  return results.flat()
}

export interface Trial {
  link: string
  role: Role
  pod: KubeObject
}

/** A pod that the link's selector picks; none for selectors whose labels cannot be told, or links that are not accepted. */
export function trialOf(link: LogstashLink): Trial[] {
  const accepted = link.status?.conditions?.find(({ type }) => type === 'Accepted')
  if (accepted?.status !== 'True') return []
  return roles.flatMap((role) => {
    const selector = selectorOf(link, role)
    if (selector?.matchLabels === undefined || selector.matchExpressions?.length) return []
    const { deliver } = link.spec.receiver
    const volume =
      role === 'receiver' ? (deliver?.unix?.volume ?? deliver?.file?.volume) : undefined
    const pod: KubeObject = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        name: `logstash-link-check-${link.metadata.name}`,
        namespace: link.metadata.namespace ?? 'default',
        labels: selector.matchLabels,
      },
      spec: {
        automountServiceAccountToken: false,
        securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
        containers: [
          {
            name: 'logstash-link-check',
            image: 'logstash-link-check',
            resources: {
              requests: { cpu: '1m', memory: '1Mi' },
              limits: { cpu: '1m', memory: '1Mi' },
            },
            securityContext: {
              allowPrivilegeEscalation: false,
              capabilities: { drop: ['ALL'] },
            },
          },
        ],
        ...(volume === undefined ? {} : { volumes: [{ name: volume, emptyDir: {} }] }),
      },
    }
    return [{ link: link.metadata.name, role, pod }]
  })
}

export function injectionResult(title: string, trial: Trial, answer: KubeObject): CheckResult {
  const { link, role } = trial
  const { initContainers = [] } = (answer['spec'] ?? {}) as { initContainers?: { name: string }[] }
  const place = `${trial.pod.metadata.namespace}/${link}`
  if (initContainers.some((each) => each.name === sidecarName(link, role))) {
    const message = `The ${role} of ${place}, as a dry run.`
    return { name: title, outcome: 'ok', message }
  }
  const skip = readSkip(answer.metadata.annotations, link, role)
  if (skip !== undefined) {
    return { name: title, outcome: 'warning', message: `Left out: ${skip.message}` }
  }
  return {
    name: title,
    outcome: 'failed',
    message: `A pod with the labels of the ${role} of ${place} comes back without it: the webhook does not answer, or not in time.`,
    mend: 'see the checks of the webhook above, and the operator’s log; pods made meanwhile are to be made anew',
  }
}
