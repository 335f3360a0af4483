/**
 * Starts what a sidecar runs, however long it takes until it can: a process that ended instead would keep its pod from
 * starting, and later take it out of its Service.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { messageOf } from '../errors.ts'
import type { Log } from '../telemetry/log.ts'

/** Pause before the next attempt, ms: doubles from the first to the longest. */
const pauses = { first: 1000, longest: 30_000 } as const

/** Resolves with what runs, or with undefined once `ended` does. */
export async function startSidecar<Running>(options: {
  start: () => Promise<Running>
  /** Hears why it cannot start yet, each time. */
  onFailed(this: void, message: string): void
  ended: Promise<unknown>
  log: Log
  /** Resolves after so many ms, sooner when aborted. */
  pause?: (ms: number, signal: AbortSignal) => Promise<void>
}): Promise<Running | undefined> {
  const { start, onFailed, ended, log, pause = wait } = options
  const ending = new AbortController()
  void ended.then(() => ending.abort())
  let said: string | undefined
  for (let next: number = pauses.first; !ending.signal.aborted; next *= 2) {
    try {
      return await start()
    } catch (error) {
      const message = explained(error)
      if (message !== said) log.error({ err: error, reason: message }, 'Cannot start yet')
      said = message
      onFailed(message)
    }
    await pause(Math.min(next, pauses.longest), ending.signal)
  }
  return undefined
}

async function wait(ms: number, signal: AbortSignal): Promise<void> {
  // AbortError alone: delay rejects for nothing else.
  await delay(ms, undefined, { signal }).catch(() => undefined)
}

/** With the remedy where a volume is not ours to write: a claim that root owns, a file system that can only be read. */
function explained(error: unknown): string {
  const { code, path } = causeWithCode(error)
  if (path === undefined || (code !== 'EACCES' && code !== 'EPERM' && code !== 'EROFS')) {
    return messageOf(error)
  }
  const remedy =
    code === 'EROFS'
      ? 'its volume can only be read'
      : "the pod needs `securityContext.fsGroup`, a group that may write to its volumes, or a `runAsUser` that owns the volume's files"
  return `User ${process.getuid?.() ?? 'of this process'} cannot write in ${path} (${code}): ${remedy}`
}

function causeWithCode(error: unknown): { code?: unknown; path?: string } {
  for (let each = error; each instanceof Error; each = each.cause) {
    if ('code' in each && 'path' in each && typeof each.path === 'string') {
      return { code: each.code, path: each.path }
    }
  }
  return {}
}
