/** What the schema takes and this version does not do yet. Such a link is written, and told so; nothing is ignored. */
import type { LogstashLink } from './link.ts'

/** One sentence for each such field: which it is, and what serves meanwhile. Empty where all is built. */
export function notBuiltYet({ spec }: LogstashLink): string[] {
  const found: string[] = []
  if (spec.sender?.collect.files !== undefined) {
    found.push(
      '`spec.sender.collect.files` is not built yet; meanwhile let the application write to `collect.tcp` or `collect.http`.',
    )
  }
  if (spec.sender?.queue.type === 'Disk') {
    found.push(
      '`spec.sender.queue.type` Disk is not built yet; meanwhile use Memory, which pushes back on the application when it is full.',
    )
  }
  return found
}
