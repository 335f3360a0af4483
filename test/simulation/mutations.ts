/**
 * Faults put into the real code as it is loaded, to show that the simulation finds them. Each names an exact piece of a
 * file, which must be there once: else the code has moved on and the mutation with it.
 */
import { readFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
import { fileURLToPath } from 'node:url'

interface Mutation {
  /** Below src/dataplane. */
  file: string
  from: string
  to: string
}

export const mutations: Record<string, Mutation> = {
  'acknowledge before commit': {
    file: 'queue/disk/disk-queue.ts',
    from: "return { result: 'accepted', dropped, settled }",
    to: "return { result: 'accepted', dropped, settled: { done: owner === undefined ? [] : [owner], dropped: [] } }",
  },
  'acknowledge before delivery': {
    file: 'queue/memory-queue.ts',
    from: "return { result: 'accepted', dropped, settled }",
    to: "if (owner !== undefined) settled.done.push(owner); return { result: 'accepted', dropped, settled }",
  },
  'checkpoint before delivery': {
    file: 'sender/collect/files/handover.ts',
    from: 'if (!intake.offer(events, { settle })) return false',
    to: "if (!intake.offer(events, { settle: () => undefined })) return false\n    settle('done')",
  },
  'take an uncommitted batch as committed after a crash': {
    file: 'queue/disk/record.ts',
    from: 'return body.length === length && from.readUInt32BE(at + 32) === crc32(body)',
    to: 'return body.length === length',
  },
  'forget a retry': {
    file: 'sender/dispatcher.ts',
    from: '      else retries.push(part)\n',
    to: '      else if (part.first % 5 !== 0) retries.push(part)\n',
  },
  'drop on overflow without count': {
    file: 'queue/memory-queue.ts',
    from: 'dropped += gone.count',
    to: 'dropped += 0',
  },
  'deliver a split twice without the key': {
    file: 'sender/transmitter.ts',
    from: '[batchKeyHeader]: formatBatchKey({ senderId, first, last }),',
    to: '...(part.events.count === part.batch.events.count ? { [batchKeyHeader]: formatBatchKey({ senderId, first, last }) } : {}),',
  },
}

/** From now on; must come before the code is loaded. Throws when its piece is not there exactly once. */
export function mutate(name: string): void {
  const mutation = mutations[name]
  if (mutation === undefined) {
    throw new Error(
      `Expected --mutation to be one of ${Object.keys(mutations).join(', ')}, got ${name}`,
    )
  }
  const { file, from, to } = mutation
  const url = new URL(`../../src/dataplane/${file}`, import.meta.url)
  const text = readFileSync(fileURLToPath(url), 'utf8')
  const found = text.split(from).length - 1
  if (found !== 1)
    throw new Error(`Expected ${file} to hold once what "${name}" changes, got ${found}`)
  registerHooks({
    load(loaded, context, next) {
      const result = next(loaded, context)
      if (loaded !== url.href) return result
      return { ...result, source: text.replace(from, () => to) }
    },
  })
}
