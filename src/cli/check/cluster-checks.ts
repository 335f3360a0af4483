/** The cluster itself: is the API server new enough, does it know LogstashLinks as this version does. */
import { isDeepStrictEqual } from 'node:util'
import { logstashLinkCrd } from '../../api/crd.ts'
import { group, plural } from '../../api/names.ts'
import type { KubeObject } from '../../api/objects.ts'
import { type Api, getOne, pathOf } from '../status/api.ts'
import { attempt } from './context.ts'
import type { CheckResult } from './result.ts'

/** Native sidecars are on by default since this one. */
const oldest = { major: 1, minor: 29 }

export async function checkApiServer(api: Api): Promise<CheckResult[]> {
  const name = 'the API server is new enough'
  return attempt(name, async () => [versionResult(name, await api.get('/version'))])
}

export function versionResult(name: string, answer: unknown): CheckResult {
  const { major, minor, gitVersion } = answer as {
    major?: string
    minor?: string
    gitVersion?: string
  }
  const [majorNumber, minorNumber] = [major, minor].map((each) => Number.parseInt(each ?? '', 10))
  const wanted = `${oldest.major}.${oldest.minor}`
  if (
    majorNumber === undefined ||
    minorNumber === undefined ||
    Number.isNaN(majorNumber + minorNumber)
  ) {
    const message = `Expected the API server to tell its version, got ${JSON.stringify(answer)}.`
    return { name, outcome: 'warning', message }
  }
  const isOld =
    majorNumber < oldest.major || (majorNumber === oldest.major && minorNumber < oldest.minor)
  return isOld
    ? {
        name,
        outcome: 'failed',
        message: `It is ${gitVersion}; native sidecars need ${wanted} or newer.`,
        mend: `upgrade the cluster to Kubernetes ${wanted} or newer`,
      }
    : { name, outcome: 'ok', message: `${gitVersion}, at least ${wanted} is needed.` }
}

export async function checkCrd(api: Api): Promise<CheckResult[]> {
  const name = 'the CustomResourceDefinition is there, as this version has it'
  const crd = `${plural}.${group}`
  return attempt(name, async () => [
    crdResult(
      name,
      await getOne(api, pathOf('apiextensions.k8s.io/v1', `customresourcedefinitions/${crd}`)),
    ),
  ])
}

interface Crd extends KubeObject {
  spec?: { versions?: { name: string; schema?: unknown }[] }
  status?: { conditions?: { type: string; status: string; message?: string }[] }
}

export function crdResult(name: string, found: KubeObject | undefined): CheckResult {
  const mend =
    'kubectl apply --server-side -f crds/logstashlinks.yaml (the chart does it on install and upgrade)'
  if (found === undefined) {
    return { name, outcome: 'failed', message: 'The cluster knows no LogstashLink.', mend }
  }
  const { spec, status } = found as Crd
  const established = status?.conditions?.find(({ type }) => type === 'Established')
  if (established?.status !== 'True') {
    const message = `It is not served: ${established?.message ?? 'not Established'}.`
    return { name, outcome: 'failed', message, mend }
  }
  const own = (logstashLinkCrd() as unknown as Crd).spec?.versions?.[0]
  const theirs = spec?.versions?.find((version) => version.name === own?.name)
  if (theirs === undefined) {
    const message = `It has no version ${own?.name}, which this program speaks.`
    return { name, outcome: 'failed', message, mend }
  }
  return isDeepStrictEqual(comparable(theirs.schema), comparable(own?.schema))
    ? { name, outcome: 'ok', message: `${plural}.${group} ${own?.name} is served.` }
    : {
        name,
        outcome: 'warning',
        message:
          'Its schema differs from the one of this version: fields may be refused, or not be checked.',
        mend,
      }
}

/** The API server leaves out `properties` that are none, and orders keys as it likes, which no comparison minds. */
function comparable(schema: unknown): unknown {
  if (schema === undefined) return undefined
  return JSON.parse(
    JSON.stringify(schema, (key, value: unknown) =>
      key === 'properties' && isDeepStrictEqual(value, {}) ? undefined : value,
    ),
  )
}
