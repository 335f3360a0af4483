/** The webhook: does its configuration cover what it should, is it trusted, does a pod get its sidecar. */
import type { KubeObject } from '../../api/objects.ts'
import { ClusterError } from '../../kube/cluster.ts'
import { systemNamespaces } from '../../webhook/coverage.ts'
import { bundleIn, configurationKind, entryIn, namespacesIn } from '../../webhook/entry.ts'
import { certificatesOf, chainsTo, isValidAt, leafOf, type Leaf } from '../../webhook/leaf.ts'
import { getOne, pathOf } from '../status/api.ts'
import { attempt, type CheckContext } from './context.ts'
import type { CheckResult } from './result.ts'

const covers = 'the webhook sees pods of all namespaces with links'
const trusted = 'the API server trusts the webhook'

export async function checkWebhookConfiguration(context: CheckContext): Promise<CheckResult[]> {
  const { api, links, installation, now } = context
  if (installation === undefined) return []
  const { webhook, namespace, webhookSecret } = installation
  const path = pathOf(configurationKind.apiVersion, `mutatingwebhookconfigurations/${webhook}`)
  return attempt(covers, async () => {
    const configuration = await getOne(api, path)
    const wanted = [...new Set((links ?? []).map(({ metadata }) => metadata.namespace ?? ''))]
    const coverage = coverageResult(configuration, { webhook, wanted, own: namespace })
    if (configuration === undefined || entryIn(configuration) === undefined) return [coverage]
    const trust = await attempt(trusted, async () => {
      const leaf = await readLeaf(context, pathOf('v1', `secrets/${webhookSecret}`, namespace))
      return [trustResult(configuration, leaf, now)]
    })
    return [coverage, ...trust]
  })
}

/** Users may not read it, as a rule: then less is known. */
async function readLeaf({ api, now }: CheckContext, path: string): Promise<Leaf | undefined> {
  try {
    const secret = await getOne(api, path)
    return secret === undefined ? undefined : leafOf(secret, now)
  } catch (error) {
    if (error instanceof ClusterError && error.reason === 'Forbidden') return undefined
    throw error
  }
}

export function coverageResult(
  configuration: KubeObject | undefined,
  { webhook, wanted, own }: { webhook: string; wanted: readonly string[]; own: string },
): CheckResult {
  const name = covers
  if (configuration === undefined) {
    return {
      name,
      outcome: 'failed',
      message: `MutatingWebhookConfiguration ${webhook} does not exist.`,
      mend: 'helm upgrade (the chart makes it, the operator fills it)',
    }
  }
  const excluded = wanted.filter((each) => each === own || systemNamespaces.includes(each))
  const needed = wanted.filter((each) => !excluded.includes(each))
  const covered = new Set(namespacesIn(configuration))
  const missing = needed.filter((each) => !covered.has(each)).toSorted()
  if (missing.length > 0) {
    return {
      name,
      outcome: 'failed',
      message: `Pods that are made in ${missing.join(', ')} get no sidecar: the configuration does not name it.`,
      mend: 'kubectl logs of the operator’s leader, which keeps the configuration',
    }
  }
  if (excluded.length > 0) {
    const message = `Pods of ${excluded.toSorted().join(', ')} are never injected, links there have no effect.`
    return { name, outcome: 'warning', message, mend: 'move these links to another namespace' }
  }
  const count = needed.length === 1 ? '1 namespace' : `${needed.length} namespaces`
  const message = needed.length === 0 ? 'No namespace has links.' : `${count} with links.`
  return { name, outcome: 'ok', message }
}

export function trustResult(
  configuration: KubeObject,
  leaf: Leaf | undefined,
  now: number,
): CheckResult {
  const name = trusted
  const bundle = certificatesOf(bundleIn(configuration))
  const valid = bundle.filter((each) => isValidAt(each, now))
  const mend = 'kubectl describe certificate of the webhook in the operator’s namespace'
  if (valid.length === 0) {
    const message = `caBundle holds no authority that is valid now, of ${bundle.length}.`
    return { name, outcome: 'failed', message, mend }
  }
  if (leaf === undefined) {
    return {
      name,
      outcome: 'ok',
      message: `caBundle holds ${valid.length} valid; whether they signed its certificate shows the dry run.`,
    }
  }
  return chainsTo(leaf, bundle, now)
    ? { name, outcome: 'ok', message: 'caBundle vouches for its certificate.' }
    : {
        name,
        outcome: 'failed',
        message: 'No authority of caBundle signed the certificate of its Secret.',
        mend,
      }
}
