/** What tests do with a running cluster, whoever started it. */
import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { eventually } from '../../support/eventually.ts'
import { createApi, type Api } from './api-request.ts'
import { binary, type Binary } from './binaries.ts'
import { openAuthority, writeKubeconfig } from './pki.ts'

/** Where a cluster is and who its administrator is: plain data, so that another process can use the cluster. */
export interface ClusterAddress {
  url: string
  /** etcd's own endpoint. */
  etcdUrl: string
  /** Everything of the cluster lies here. */
  run: string
  /** Of the administrator. */
  kubeconfig: string
  /** Files: the cluster's CA, and the administrator's certificate and key. */
  pki: { ca: string; cert: string; key: string }
}

/** A user with a client certificate, or a service account with a token for a day. */
type Who =
  | { user: string; groups?: readonly string[] }
  | { serviceAccount: string; namespace: string }

export interface ClusterClient extends ClusterAddress {
  /** Standard output. Rejects with standard error where kubectl fails. As the administrator unless told otherwise. */
  kubectl: (args: readonly string[], input?: string) => Promise<string>
  helm: (args: readonly string[]) => Promise<string>
  /** Path of a kubeconfig for somebody else; a service account must exist. */
  kubeconfigOf: (who: Who) => Promise<string>
  /** Makes a new, empty namespace in which pods may be created; returns its name. */
  namespace: () => Promise<string>
  /** Plain requests as the administrator. */
  api: Api
}

export function pkiFolder(run: string): string {
  return join(run, 'pki')
}

export function createClusterClient(address: ClusterAddress): ClusterClient {
  const { url, run, kubeconfig, pki } = address
  const api = createApi({ url, ...pki })
  const authority = openAuthority(pkiFolder(run))
  const environment = {
    ...process.env,
    KUBECONFIG: kubeconfig,
    HELM_CACHE_HOME: join(run, 'helm', 'cache'),
    HELM_CONFIG_HOME: join(run, 'helm', 'config'),
    HELM_DATA_HOME: join(run, 'helm', 'data'),
  }
  const tool = (name: Binary, args: readonly string[], input = '') =>
    new Promise<string>((resolve, reject) => {
      const options = { env: environment, maxBuffer: 64 * 1024 * 1024 }
      const child = execFile(binary(name), args, options, (error, stdout, stderr) => {
        if (error === null) resolve(stdout)
        else reject(new Error(`${name} ${args.join(' ')}: ${stderr || error.message}`))
      })
      // EPIPE where it ended without reading: its own message says more.
      child.stdin?.on('error', () => {})
      child.stdin?.end(input)
    })

  return {
    ...address,
    api,
    // What it has discovered of a cluster is kept with that cluster: else ports that come again bring old answers.
    kubectl: (args, input) =>
      tool('kubectl', ['--cache-dir', join(run, 'kubectl-cache'), ...args], input),
    helm: (args) => tool('helm', args),
    async kubeconfigOf(who) {
      const path = join(run, `kubeconfig-${randomUUID()}`)
      if ('user' in who) {
        const files = await authority.client(who.user, who.groups)
        return writeKubeconfig(path, { url, ca: pki.ca, identity: { files } })
      }
      const { serviceAccount, namespace } = who
      const { status } = await api.object<{ status: { token: string } }>(
        'POST',
        `/api/v1/namespaces/${namespace}/serviceaccounts/${serviceAccount}/token`,
        {
          apiVersion: 'authentication.k8s.io/v1',
          kind: 'TokenRequest',
          spec: { expirationSeconds: 24 * 60 * 60 },
        },
      )
      return writeKubeconfig(path, { url, ca: pki.ca, identity: { token: status.token } })
    },
    async namespace() {
      const { metadata } = await api.object('POST', '/api/v1/namespaces', {
        apiVersion: 'v1',
        kind: 'Namespace',
        metadata: { generateName: 'test-' },
      })
      const { name } = metadata
      // Pods are refused before it is there.
      await eventually(`namespace ${name} has its default service account`, () =>
        api.object('GET', `/api/v1/namespaces/${name}/serviceaccounts/default`),
      )
      return name
    },
  }
}
