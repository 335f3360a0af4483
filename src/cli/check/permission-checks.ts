/** The operator's permissions, as the API server's authorizers see them. */
import type { Api } from '../status/api.ts'
import { attempt, type CheckContext } from './context.ts'
import type { Installation } from './installation.ts'
import type { CheckResult } from './result.ts'
import { rights, type Right } from './rights.ts'

const name = 'the operator may do what it needs'
const reviews = '/apis/authorization.k8s.io/v1/subjectaccessreviews'

interface Asked {
  /** `get secrets`. */
  title: string
  attributes: Record<string, string>
}

export async function checkPermissions({
  api,
  installation,
}: CheckContext): Promise<CheckResult[]> {
  if (installation === undefined) return []
  return attempt(name, async () => {
    const asked = rights.flatMap((right) => questionsOf(right, installation))
    const answers = await Promise.all(asked.map((each) => isAllowed(api, each, installation)))
    return [
      permissionResult(
        asked.length,
        asked.filter((_, index) => !answers[index]).map(({ title }) => title),
      ),
    ]
  })
}

export function questionsOf(right: Right, installation: Installation): Asked[] {
  const [resource = '', subresource] = right.resource.split('/')
  return right.verbs.map((verb) => ({
    title: `${verb} ${right.resource}`,
    attributes: {
      group: right.group,
      resource,
      verb,
      ...(subresource === undefined ? {} : { subresource }),
      ...(right.name === undefined ? {} : { name: installation[right.name] }),
      ...(right.own === undefined ? {} : { namespace: installation.namespace }),
    },
  }))
}

async function isAllowed(
  api: Api,
  { attributes }: Asked,
  { namespace, serviceAccount }: Installation,
): Promise<boolean> {
  const groups = [
    'system:serviceaccounts',
    `system:serviceaccounts:${namespace}`,
    'system:authenticated',
  ]
  const user = `system:serviceaccount:${namespace}:${serviceAccount}`
  const answer = (await api.post(reviews, {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SubjectAccessReview',
    spec: { user, groups, resourceAttributes: attributes },
  })) as { status?: { allowed?: boolean } }
  return answer.status?.allowed === true
}

export function permissionResult(asked: number, denied: readonly string[]): CheckResult {
  return denied.length === 0
    ? { name, outcome: 'ok', message: `All ${asked} permissions are there.` }
    : {
        name,
        outcome: 'failed',
        message: `It may not ${byResource(denied).join('; ')}.`,
        mend: 'helm upgrade (the chart brings the ClusterRole that fits its version)',
      }
}

/** `get secrets`, `patch secrets` → `get, patch secrets`. */
function byResource(denied: readonly string[]): string[] {
  const groups = Map.groupBy(denied, (title) => title.split(' ')[1] ?? '')
  return [...groups].map(([resource, titles]) => {
    const verbs = titles.map((title) => title.split(' ')[0])
    return `${verbs.join(', ')} ${resource}`
  })
}
