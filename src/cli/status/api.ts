/** What `status` and `check` need of an API server: single requests. A refusal is a ClusterError. */
import type { Kind, KubeObject } from '../../api/objects.ts'
import { ClusterError } from '../../kube/cluster.ts'

export interface Api {
  /** The answer's JSON. @param path with its query */
  get(path: string, signal?: AbortSignal): Promise<unknown>
  /** POST of an object. */
  post(path: string, body: object): Promise<unknown>
}

/** `/apis/GROUP/VERSION` or `/api/v1`, then the namespace, then the resource. */
export function pathOf(apiVersion: string, resource: string, namespace?: string): string {
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`
  const place = namespace === undefined ? '' : `/namespaces/${encodeURIComponent(namespace)}`
  return `${root}${place}/${resource}`
}

/** How many objects one answer holds. */
const page = 500

/** All of a list, page by page; items of a list do not name their own kind. */
export async function listAll<T extends KubeObject>(
  api: Api,
  path: string,
  kind: Kind,
  query: Record<string, string> = {},
): Promise<T[]> {
  const items: T[] = []
  let token: string | undefined
  do {
    const parameters = new URLSearchParams({
      ...query,
      limit: String(page),
      ...(token === undefined ? {} : { continue: token }),
    })
    const answer = (await api.get(`${path}?${parameters.toString()}`)) as {
      items?: T[] | null
      metadata?: { continue?: string }
    }
    items.push(...(answer.items ?? []).map((item) => ({ ...item, ...kind })))
    token = answer.metadata?.continue
  } while (token !== undefined && token !== '')
  return items
}

/** Undefined where the object does not exist. */
export async function getOne<T extends KubeObject>(api: Api, path: string): Promise<T | undefined> {
  try {
    return (await api.get(path)) as T
  } catch (error) {
    if (error instanceof ClusterError && error.reason === 'NotFound') return undefined
    throw error
  }
}

export function isForbidden(error: unknown): boolean {
  return error instanceof ClusterError && error.reason === 'Forbidden'
}
