/** Lists page by page, so that no answer is larger than some hundred objects. */
import type { KubeObject } from '../api/objects.ts'
import type { KubeClient, KubeRequest } from './client.ts'
import { isGone } from './refusal.ts'

export interface Page {
  /** Of the whole list: all pages show the state of one moment. */
  version: string
  items: KubeObject[]
}

const pageSize = 500

/** How often a list begins again because its next page has expired meanwhile (410). */
const restarts = 3

/**
 * Reads without a resourceVersion, so from what the majority of etcd has: a list from a server's cache (resourceVersion 0)
 * may be older than what one has seen already, and is not paged. `onRestart` takes back the pages given so far.
 */
export async function* pagesOf(
  client: Pick<KubeClient, 'request'>,
  request: Omit<KubeRequest, 'method'>,
  onRestart: () => void,
): AsyncGenerator<Page, void, void> {
  let next: string | undefined
  for (let left = restarts; ; ) {
    const query = { ...request.query, limit: pageSize, continue: next }
    try {
      const list = await client.request<List>({ ...request, method: 'GET', query })
      yield { version: list.metadata.resourceVersion, items: list.items ?? [] }
      next = list.metadata.continue
      if (!next) return
    } catch (error) {
      if (!isGone(error) || next === undefined || left === 0) throw error
      left -= 1
      next = undefined
      onRestart()
    }
  }
}

interface List {
  metadata: { resourceVersion: string; continue?: string }
  items: KubeObject[] | null
}
