/** How the operator ends: what is said of a defect, and steps that cannot hold it up. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Log } from '../../telemetry/log.ts'

/** A process in an unknown state is worse than one that is started again. The returned function takes it back. */
export function endOnDefects(log: Log): () => void {
  const onDefect = (error: unknown, origin: string): void => {
    log.error({ err: error, origin }, 'A defect: the operator ends')
    process.exit(1)
  }
  // Rejections that nobody handles come here too.
  process.on('uncaughtException', onDefect)
  return () => void process.off('uncaughtException', onDefect)
}

/** Waits for a step of the end, and goes on without it when the time (ms) is over. */
export async function within(
  what: string,
  step: Promise<unknown> | undefined,
  { ms, log }: { ms: number; log: Log },
): Promise<void> {
  const over = new AbortController()
  const limit = delay(ms, 'late' as const, { signal: over.signal }).catch(() => undefined)
  try {
    const first = await Promise.race([step, limit])
    if (first === 'late') log.warn({ what, ms }, 'The end does not wait for this any longer')
  } catch (error) {
    log.warn({ what, err: error }, 'A step of the end failed')
  } finally {
    over.abort()
  }
}
