/** The demo's last lines. Pure. */
import type { Scene } from './scene.ts'
import type { IndexerCount } from './tally.ts'

export interface Outcome {
  scene: Scene
  sent: number
  missing: number
  seconds: number
  counts: IndexerCount[]
  /** Pod whose receiver was killed and came back. */
  restarted: string | undefined
}

export function summarise({ sent, missing, seconds, counts, restarted }: Outcome): string[] {
  const events = counts.reduce((sum, each) => sum + each.events, 0)
  const mean = events / counts.length
  const shares = counts.map(
    ({ pod, events: own, batches, maxBatch }) =>
      `  ${pod}  ${own} events in ${batches} batches (largest ${maxBatch}), ${(own / mean).toFixed(2)} of the mean`,
  )
  return [
    `sent ${sent} in ${seconds.toFixed(1)} s (${Math.round(sent / seconds)}/s), arrived ${events}: missing ${missing}, duplicates ${events - sent + missing}`,
    ...shares,
    ...(restarted === undefined
      ? []
      : [`  one receiver was killed on the way and came back: ${restarted}`]),
    missing === 0 ? 'every event arrived' : `${missing} events are MISSING`,
  ]
}
