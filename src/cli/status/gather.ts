/** Reads what `status` shows: links, their pods and Certificates, and of each sidecar what it says of itself. */
import type { LogstashLink } from '../../api/link.ts'
import { apiVersion, certificateKind, kind, plural } from '../../api/names.ts'
import type { KubeObject } from '../../api/objects.ts'
import { messageOf } from '../../errors.ts'
import { ClusterError } from '../../kube/cluster.ts'
import { type Api, getOne, isForbidden, listAll, pathOf } from './api.ts'
import { linkView, reportKey, sidecarsOf, type Pod, type Seen } from './look.ts'
import { readReport, type Report } from './report.ts'
import type { LinkView } from './view.ts'

export interface Asked {
  /** Undefined: all namespaces. */
  namespace: string | undefined
  /** Undefined: all links there. */
  name: string | undefined
}

/** Sidecars are asked so many at once, and not for longer than this, ms. */
const concurrency = 16
const patience = 3000
/** More sidecars than this of one link are not asked: whoever runs so many reads metrics. */
const mostAsked = 50

/** In the order of namespace and name. Rejects with ClusterError where links themselves may not be read. */
export async function gather(
  api: Api,
  asked: Asked,
): Promise<{ links: LogstashLink[]; views: LinkView[] }> {
  const links = await readLinks(api, asked)
  const byNamespace = Map.groupBy(links, ({ metadata }) => metadata.namespace ?? 'default')
  const views = await Promise.all(
    [...byNamespace].map(([namespace, those]) => inNamespace(api, namespace, those)),
  )
  return {
    links,
    views: views
      .flat()
      .toSorted((a, b) => compare(`${a.namespace}/${a.name}`, `${b.namespace}/${b.name}`)),
  }
}

async function readLinks(api: Api, { namespace, name }: Asked): Promise<LogstashLink[]> {
  const path = pathOf(apiVersion, plural, namespace)
  if (name === undefined) return listAll<LogstashLink>(api, path, { apiVersion, kind })
  const link = await getOne<LogstashLink>(api, `${path}/${encodeURIComponent(name)}`)
  return link === undefined ? [] : [link]
}

async function inNamespace(
  api: Api,
  namespace: string,
  links: readonly LogstashLink[],
): Promise<LinkView[]> {
  const certificateGroup = certificateKind.apiVersion
  const [pods, certificates] = await Promise.all([
    seen(listAll<Pod>(api, pathOf('v1', 'pods', namespace), { apiVersion: 'v1', kind: 'Pod' })),
    seen(
      listAll<KubeObject>(
        api,
        pathOf(certificateGroup, 'certificates', namespace),
        certificateKind,
      ),
    ),
  ])
  const reports = await askAll(api, namespace, links, 'items' in pods ? pods.items : [])
  return links.map((link) => linkView({ link, pods, certificates, reports }))
}

/** What may not be read is told, not fatal. */
async function seen<T>(reading: Promise<T[]>): Promise<Seen<T>> {
  try {
    return { items: await reading }
  } catch (error) {
    if (!(error instanceof ClusterError)) throw error
    return { why: whyNot(error, 'not seen') }
  }
}

/** A pod may answer 403 by itself, through the same proxy: only the API server speaks of resources. */
function isRefusedToUser(error: unknown): boolean {
  return isForbidden(error) && / cannot [a-z]+ resource /.test(messageOf(error))
}

/** Path and method of the request help nobody here. */
function whyNot(error: unknown, otherwise: string): string {
  if (isRefusedToUser(error)) return 'forbidden'
  return `${otherwise}: ${messageOf(error)
    .replace(/^\S+ \S+ (failed: |was refused with )?/, '')
    .slice(0, 120)}`
}

async function askAll(
  api: Api,
  namespace: string,
  links: readonly LogstashLink[],
  pods: readonly Pod[],
): Promise<Map<string, Report>> {
  const reports = new Map<string, Report>()
  const targets = links.flatMap((link) =>
    sidecarsOf(link, pods).map((each, index) => ({ ...each, index, link: link.metadata.name })),
  )
  let forbidden = false
  const askOne = async ({ pod, port, index }: (typeof targets)[number]): Promise<Report> => {
    if (index >= mostAsked) return { asked: false, why: `only ${mostAsked} of a link are asked` }
    if (forbidden) return { asked: false, why: 'forbidden' }
    try {
      const path = `${pathOf('v1', 'pods', namespace)}/${pod}:${port}/proxy/status`
      return readReport(await api.get(path, AbortSignal.timeout(patience)))
    } catch (error) {
      forbidden ||= isRefusedToUser(error)
      return { asked: false, why: whyNot(error, 'no answer') }
    }
  }
  const waiting = targets.values()
  const workers = Array.from({ length: Math.min(concurrency, targets.length) }, async () => {
    for (const target of waiting) {
      // One after the other on purpose: the workers are what runs side by side.
      reports.set(reportKey(target.pod, target.link, target.role), await askOne(target))
    }
  })
  await Promise.all(workers)
  return reports
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
