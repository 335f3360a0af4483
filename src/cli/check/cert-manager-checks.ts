/** cert-manager: its kinds are there, and its webhook answers. */
import { certificateKind } from '../../api/names.ts'
import type { KubeObject } from '../../api/objects.ts'
import { needsIdentity, roles } from '../../api/roles.ts'
import { messageOf } from '../../errors.ts'
import { ClusterError } from '../../kube/cluster.ts'
import { getOne, pathOf } from '../status/api.ts'
import { attempt, type CheckContext } from './context.ts'
import type { CheckResult } from './result.ts'

const kinds = ['certificates', 'certificaterequests', 'issuers', 'clusterissuers']
const install = 'install cert-manager, see https://cert-manager.io/docs/installation/'

export async function checkCertManager(context: CheckContext): Promise<CheckResult[]> {
  const name = 'cert-manager is there'
  const found = await attempt(name, async () => {
    const { apiVersion } = certificateKind
    const list = await getOne<ApiResources>(context.api, `/apis/${apiVersion}`)
    return [kindsResult(name, list, needed(context))]
  })
  return found.some(({ outcome }) => outcome !== 'ok')
    ? found
    : [...found, ...(await checkCertManagerWebhook(context))]
}

interface ApiResources extends KubeObject {
  resources?: { name: string }[]
}

/** Links without TLS, and those whose receivers are foreign, do without it. */
function needed({ links }: CheckContext): boolean {
  return (
    links === undefined ||
    links.length === 0 ||
    links.some((link) => roles.some((role) => needsIdentity(link, role)))
  )
}

export function kindsResult(
  name: string,
  list: ApiResources | undefined,
  isNeeded: boolean,
): CheckResult {
  const served = new Set((list?.resources ?? []).map((each) => each.name))
  const missing = kinds.filter((each) => !served.has(each))
  if (missing.length === 0) {
    return { name, outcome: 'ok', message: `${certificateKind.apiVersion} is served.` }
  }
  const what = list === undefined ? certificateKind.apiVersion : missing.join(', ')
  return {
    name,
    outcome: isNeeded ? 'failed' : 'warning',
    message: `The cluster does not know ${what}: ${isNeeded ? 'nobody issues identities' : 'links with TLS would get no identity'}.`,
    mend: install,
  }
}

/** A dry run reaches the webhook and leaves nothing behind. */
async function checkCertManagerWebhook({ api, namespace }: CheckContext): Promise<CheckResult[]> {
  const name = 'cert-manager’s webhook answers'
  const { apiVersion, kind } = certificateKind
  const body = {
    apiVersion,
    kind,
    metadata: { generateName: 'logstash-link-check-', namespace },
    spec: {
      secretName: 'logstash-link-check',
      dnsNames: ['logstash-link-check'],
      issuerRef: { name: 'logstash-link-check' },
    },
  }
  return attempt(name, async () => {
    try {
      await api.post(`${pathOf(apiVersion, 'certificates', namespace)}?dryRun=All`, body)
      return [
        {
          name,
          outcome: 'ok',
          message: `A Certificate is taken in namespace ${namespace}, as a dry run.`,
        },
      ]
    } catch (error) {
      if (!(error instanceof ClusterError) || error.reason === 'Forbidden') throw error
      const message = `A Certificate is refused, as a dry run: ${messageOf(error)}.`
      const mend =
        'kubectl -n cert-manager get pods; see https://cert-manager.io/docs/troubleshooting/webhook/'
      return [{ name, outcome: 'failed', message, mend }]
    }
  })
}
