/** What etcd takes: an object over its limit is refused by the API server with a message nobody understands. */
import type { KubeObject } from '../api/objects.ts'

/** The API server's limit for ConfigMaps and Secrets is 1 MiB of data; this keeps room for metadata. */
const maxObjectBytes = 1_000_000

/** A sentence where an object is too large to be written, naming its largest part. */
export function sizeProblem(object: KubeObject): string | undefined {
  const size = Buffer.byteLength(JSON.stringify(object))
  if (size <= maxObjectBytes) return undefined
  const largest = Object.entries(dataOf(object)).toSorted(
    ([, a], [, b]) => Buffer.byteLength(b) - Buffer.byteLength(a),
  )[0]
  const part =
    largest === undefined
      ? ''
      : ` Most of it is ${largest[0]} with ${Buffer.byteLength(largest[1])}.`
  return `${object.kind} ${object.metadata.name} would have ${size} bytes, over the ${maxObjectBytes} that an object may have; it stays as it is.${part}`
}

function dataOf(object: KubeObject): Record<string, string> {
  const { data } = object
  if (typeof data !== 'object' || data === null) return {}
  return Object.fromEntries(
    Object.entries(data).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  )
}
