/** Where the operator is installed and how its parts are called, as its Deployment says. */
import type { KubeObject } from '../../api/objects.ts'
import { type Api, listAll, pathOf } from '../status/api.ts'

/** The fields of apps/v1 Deployment that are read. */
export interface Deployment extends KubeObject {
  spec?: {
    replicas?: number
    template?: { spec?: { serviceAccountName?: string; containers?: { args?: string[] }[] } }
  }
  status?: {
    readyReplicas?: number
    conditions?: { type: string; status: string; message?: string }[]
  }
}

export interface Installation {
  deployment: Deployment
  namespace: string
  serviceAccount: string
  /** Names of the MutatingWebhookConfiguration, of the webhook's Secret and of the Lease. */
  webhook: string
  webhookSecret: string
  lease: string
}

/** As the chart labels it. */
const labels = 'app.kubernetes.io/part-of=logstash-link,app.kubernetes.io/component=operator'

/** The names that flags of the operator have where they are not given. */
const defaultName = 'logstash-link'

/** @param namespace undefined: wherever it is */
export async function findInstallations(
  api: Api,
  namespace: string | undefined,
): Promise<Installation[]> {
  const path = pathOf('apps/v1', 'deployments', namespace)
  const kind = { apiVersion: 'apps/v1', kind: 'Deployment' }
  const found = await listAll<Deployment>(api, path, kind, { labelSelector: labels })
  return found.map(installationOf)
}

export function installationOf(deployment: Deployment): Installation {
  const { namespace = 'default' } = deployment.metadata
  const { serviceAccountName = 'default', containers = [] } = deployment.spec?.template?.spec ?? {}
  const args = containers.flatMap((container) => container.args ?? [])
  const flag = (name: string): string | undefined =>
    args.find((arg) => arg.startsWith(`--${name}=`))?.slice(name.length + 3) ??
    args[args.indexOf(`--${name}`) + 1 || args.length]
  return {
    deployment,
    namespace,
    serviceAccount: serviceAccountName,
    webhook: flag('webhook-configuration') ?? defaultName,
    webhookSecret: flag('webhook-secret') ?? `${defaultName}-webhook-tls`,
    lease: flag('lease') ?? defaultName,
  }
}
