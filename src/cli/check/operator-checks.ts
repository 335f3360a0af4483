/** The operator: does it run, and does one of its replicas lead. */
import { type Lease, leaseKind } from '../../kube/lease-record.ts'
import { getOne, pathOf } from '../status/api.ts'
import { span } from '../status/words.ts'
import { attempt, type CheckContext } from './context.ts'
import { findInstallations, type Deployment, type Installation } from './installation.ts'
import type { CheckResult } from './result.ts'
import type { Api } from '../status/api.ts'

const running = 'the operator runs'

/** The one installation, with what is said of it. */
export async function lookForOperator(
  api: Api,
  namespace: string | undefined,
): Promise<{ installation?: Installation; results: CheckResult[] }> {
  let found: Installation[] = []
  const results = await attempt(running, async () => {
    found = await findInstallations(api, namespace)
    return installationResults(found, namespace)
  })
  const [installation] = found
  return { results, ...(installation === undefined ? {} : { installation }) }
}

/** Two operators would write over each other: each has its own Lease. */
export function installationResults(
  found: readonly Installation[],
  namespace: string | undefined,
): CheckResult[] {
  const [first, ...more] = found
  if (first === undefined) {
    const place = namespace === undefined ? 'in no namespace' : `not in namespace ${namespace}`
    return [
      {
        name: running,
        outcome: 'failed',
        message: `Its Deployment is ${place}: nobody looks after links.`,
        mend: 'helm install logstash-link charts/logstash-link --namespace logstash-link-system --create-namespace',
      },
    ]
  }
  const twice: CheckResult = {
    name: 'there is one operator',
    outcome: 'failed',
    message: `There are ${found.length}, which write over each other: in ${found.map((each) => each.namespace).join(', ')}.`,
    mend: 'helm uninstall all but one',
  }
  return [deploymentResult(first.deployment), ...(more.length === 0 ? [] : [twice])]
}

function deploymentResult({ metadata, spec, status }: Deployment): CheckResult {
  const { name, namespace } = metadata
  const wanted = spec?.replicas ?? 1
  const ready = status?.readyReplicas ?? 0
  const message = `${ready} of ${wanted} replicas of Deployment ${namespace}/${name} are ready.`
  const mend = `kubectl -n ${namespace} describe pods -l app.kubernetes.io/component=operator`
  if (ready === 0) return { name: running, outcome: 'failed', message, mend }
  return ready < wanted
    ? { name: running, outcome: 'warning', message, mend }
    : { name: running, outcome: 'ok', message }
}

const leads = 'one of its replicas leads'

export async function checkLeader({
  api,
  installation,
  now,
}: CheckContext): Promise<CheckResult[]> {
  if (installation === undefined) return []
  const { namespace, lease } = installation
  const path = pathOf(leaseKind.apiVersion, `leases/${lease}`, namespace)
  return attempt(leads, async () => [
    leaseResult(await getOne<Lease>(api, path), `${namespace}/${lease}`, now),
  ])
}

/** Clocks differ: a Lease counts as stale after three times its duration. */
export function leaseResult(lease: Lease | undefined, name: string, now: number): CheckResult {
  const { holderIdentity, renewTime, leaseDurationSeconds = 15 } = lease?.spec ?? {}
  const mend = `kubectl logs -n ${name.split('/')[0]} -l app.kubernetes.io/component=operator`
  if (!holderIdentity || renewTime === undefined) {
    const message =
      lease === undefined ? `Lease ${name} does not exist.` : `Lease ${name} has no holder.`
    return { name: leads, outcome: 'failed', message: `${message} Nobody reconciles links.`, mend }
  }
  const age = Math.max(0, now - Date.parse(renewTime))
  return age > 3 * leaseDurationSeconds * 1000
    ? {
        name: leads,
        outcome: 'failed',
        message: `${holderIdentity} was the last, ${span(age)} ago. Nobody reconciles links.`,
        mend,
      }
    : {
        name: leads,
        outcome: 'ok',
        message: `${holderIdentity} does, last renewed ${span(age)} ago.`,
      }
}
