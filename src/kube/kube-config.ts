/**
 * Where the API server is and who we are there: a kubeconfig file, or what a pod has mounted. Read here and not by
 * @kubernetes/client-node, whose KubeConfig loads its 700 generated models along: 85 MiB of a process that is to have less
 * than 200 (docs/adr/0009-own-api-client.md).
 */
import { existsSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, dirname, resolve } from 'node:path'
import { parse } from 'yaml'
import { messageOf, TerminalError } from '../errors.ts'

/** A file, read anew whenever it is used, or what stood in the kubeconfig itself. */
export type Material = { file: string } | { base64: string }

export interface KubeAccess {
  server: string
  /** Name to verify in place of the server's own. */
  serverName?: string
  /** The server's certificate is not looked at. */
  insecure: boolean
  proxy?: string
  ca?: Material
  cert?: Material
  key?: Material
  token?: string
  tokenFile?: string
  basic?: { username: string; password: string }
  /** As in the kubeconfig: a program that prints an ExecCredential. */
  exec?: unknown
  impersonate?: string
  /** Of the context; for a pod its own. */
  namespace?: string
}

const podFolder = '/var/run/secrets/kubernetes.io/serviceaccount'

/**
 * From the named file, else what the pod has mounted, else $KUBECONFIG, else ~/.kube/config.
 * Throws LSL_KUBECONFIG_INVALID.
 */
export function loadKubeAccess(options: {
  kubeconfig?: string
  /** Of the kubeconfig, in place of its current one. */
  context?: string
  env: Readonly<Record<string, string | undefined>>
  mounted?: string
}): KubeAccess {
  const { kubeconfig, context, env, mounted = podFolder } = options
  if (kubeconfig !== undefined) return fromFiles([kubeconfig], context)
  const host = env['KUBERNETES_SERVICE_HOST']
  // Whoever names a context means a kubeconfig, also in a pod.
  if (context === undefined && host && existsSync(`${mounted}/token`)) {
    return fromPod(host, env['KUBERNETES_SERVICE_PORT'] ?? '443', mounted)
  }
  const files = (env['KUBECONFIG'] ?? '').split(delimiter).filter((file) => file !== '')
  if (files.length > 0) return fromFiles(files, context)
  return fromFiles([resolve(homedir(), '.kube/config')], context)
}

function fromPod(host: string, port: string, folder: string): KubeAccess {
  const namespace = `${folder}/namespace`
  return {
    server: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
    insecure: false,
    ca: { file: `${folder}/ca.crt` },
    tokenFile: `${folder}/token`,
    ...(existsSync(namespace) ? { namespace: readFileSync(namespace, 'utf8').trim() } : {}),
  }
}

interface Section {
  [field: string]: unknown
}
interface Found {
  section: Section
  folder: string
}

/** Of several files the first that names something has the word, as with kubectl. */
function fromFiles(files: readonly string[], wanted: string | undefined): KubeAccess {
  const label = files.join(delimiter)
  const refuse = (why: string, cause?: unknown): never => {
    throw new TerminalError('LSL_KUBECONFIG_INVALID', [label, why], { cause })
  }
  const documents = files.map((file): Found => {
    try {
      const section: unknown = parse(readFileSync(file, 'utf8'))
      if (!isSection(section)) throw new Error('it holds no mapping')
      return { section, folder: dirname(resolve(file)) }
    } catch (error) {
      return refuse(messageOf(error), error)
    }
  })
  const named = (list: string, entry: string, name: unknown): Found => {
    for (const { section, folder } of documents) {
      const items: unknown[] = Array.isArray(section[list]) ? section[list] : []
      const item = items.filter(isSection).find((each) => each['name'] === name)
      if (item !== undefined) return { section: isSection(item[entry]) ? item[entry] : {}, folder }
    }
    return refuse(`there is no entry ${JSON.stringify(name)} in \`${list}\``)
  }
  const set = documents.map(({ section }) => section['current-context']).find(Boolean)
  const current = wanted ?? set
  if (current === undefined) refuse('`current-context` is not set')
  const context = named('contexts', 'context', current).section
  const cluster = named('clusters', 'cluster', context['cluster'])
  const user = named('users', 'user', context['user'])
  const provider = user.section['auth-provider']
  if (provider) refuse('`auth-provider` is not supported: use `exec`')
  if (textOf(cluster.section['proxy-url'])?.startsWith('socks') === true) {
    refuse('a SOCKS proxy is not supported')
  }
  if (!textOf(cluster.section['server'])) refuse('the cluster has no `server`')
  return accessOf(cluster, user, textOf(context['namespace']))
}

function accessOf(cluster: Found, user: Found, namespace: string | undefined): KubeAccess {
  const { section: at } = cluster
  const { section: who } = user
  const username = textOf(who['username'])
  const tokenFile = textOf(who['tokenFile'])
  return defined({
    server: (textOf(at['server']) ?? '').replace(/\/+$/, ''),
    serverName: textOf(at['tls-server-name']),
    insecure: at['insecure-skip-tls-verify'] === true,
    proxy: textOf(at['proxy-url']),
    ca: material(cluster, 'certificate-authority'),
    cert: material(user, 'client-certificate'),
    key: material(user, 'client-key'),
    token: textOf(who['token']),
    tokenFile: tokenFile === undefined ? undefined : resolve(user.folder, tokenFile),
    basic:
      username === undefined ? undefined : { username, password: textOf(who['password']) ?? '' },
    exec: who['exec'] ?? undefined,
    impersonate: textOf(who['as']),
    namespace,
  })
}

function material({ section, folder }: Found, field: string): Material | undefined {
  const base64 = textOf(section[`${field}-data`])
  if (base64 !== undefined) return { base64 }
  const file = textOf(section[field])
  return file === undefined ? undefined : { file: resolve(folder, file) }
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

function isSection(value: unknown): value is Section {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

type Defined<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>
}

function defined<T extends object>(value: T): Defined<T> {
  return Object.fromEntries(
    Object.entries(value).filter(([, field]) => field !== undefined),
  ) as Defined<T>
}
