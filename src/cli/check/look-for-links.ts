/** The links that the checks speak of. */
import type { LogstashLink } from '../../api/link.ts'
import type { Api } from '../status/api.ts'
import { gather } from '../status/gather.ts'
import type { LinkView } from '../status/view.ts'
import { attempt } from './context.ts'
import type { CheckResult } from './result.ts'

export interface Gathered {
  /** Both are undefined where links may not be read. */
  links?: LogstashLink[]
  views?: LinkView[]
  results: CheckResult[]
}

/** @param namespace undefined: of all */
export async function lookForLinks(api: Api, namespace: string | undefined): Promise<Gathered> {
  let found: Pick<Gathered, 'links' | 'views'> = {}
  const results = await attempt('links can be read', async () => {
    found = await gather(api, { namespace, name: undefined })
    return []
  })
  return { ...found, results }
}
