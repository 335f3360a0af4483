/** What all checks are given, and how one is run. */
import type { LogstashLink } from '../../api/link.ts'
import { LogstashLinkError, messageOf } from '../../errors.ts'
import { ClusterError } from '../../kube/cluster.ts'
import type { Api } from '../status/api.ts'
import type { LinkView } from '../status/view.ts'
import type { Installation } from './installation.ts'
import type { CheckResult } from './result.ts'

export interface CheckContext {
  api: Api
  /** Those of the namespaces that were asked for; undefined where they may not be read, or are not known at all. */
  links: LogstashLink[] | undefined
  /** What `status` shows of them. */
  views: LinkView[] | undefined
  /** Namespace for what needs one. */
  namespace: string
  /** Undefined where none was found. */
  installation: Installation | undefined
  /** ms since 1970 */
  now: number
}

/**
 * Runs a check by its name. What may not be looked at is a warning, not a failure: users who may not read webhook
 * configurations want to know of their links all the same. What cannot be used, such as a Secret that holds no certificate,
 * is a failure of this check and ends no other.
 */
export async function attempt(
  name: string,
  work: () => Promise<CheckResult[]>,
): Promise<CheckResult[]> {
  try {
    return await work()
  } catch (error) {
    const isRefusal = error instanceof ClusterError
    if (!isRefusal && !(error instanceof LogstashLinkError)) throw error
    if (isRefusal && error.reason === 'Forbidden') {
      return [{ name, outcome: 'warning', message: `Not looked at: ${messageOf(error)}` }]
    }
    return [{ name, outcome: 'failed', message: messageOf(error) }]
  }
}
