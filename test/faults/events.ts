/** The events of a schedule: who wrote an event and which it is tells all of its bytes, so that a changed one shows. */
import { createRandom } from '../support/random.ts'
import { sources, type Source } from './schedule.ts'

export interface EventId {
  source: Source
  seq: number
}

/** One in so many is refused by the application for itself. */
const poisonEvery = 400
const longestFill = 400

/** Without newline. */
export function eventLine(seed: number, source: Source, seq: number): string {
  const random = createRandom((seed * 31 + sources.indexOf(source)) * 1_000_003 + seq)
  const poison = isPoison(source, seq) ? '"poison":true,' : ''
  const fill = 'x'.repeat(random.integer(0, longestFill))
  return `{"seed":${seed},"source":"${source}","seq":${seq},${poison}"fill":"${fill}"}`
}

export function isPoison(source: Source, seq: number): boolean {
  return seq % poisonEvery === 150 + 10 * sources.indexOf(source)
}

/** Undefined for anything that is no event of this seed, byte for byte. */
export function eventIdOf(seed: number, line: string): EventId | undefined {
  const found = /^\{"seed":\d+,"source":"(http|files|tcp)","seq":(\d+),/.exec(line)
  if (found === null) return undefined
  const source = found[1] as Source
  const seq = Number(found[2])
  return eventLine(seed, source, seq) === line ? { source, seq } : undefined
}
