/** LogstashLink as its CRD would have it on a real API server: defaults filled in, or every problem at once. */
import { parseLink } from '../../api/validate.ts'
import type { Validator } from './in-memory-cluster.ts'

export const linkValidator: Validator = (object) => {
  const { link, problems } = parseLink(object)
  return link === undefined
    ? { problems: problems.map(({ message }) => message) }
    : { object: link }
}
