/**
 * `logstash-link dead-letter replay`: letters → chunks → a sender → marks.
 *
 *   chunk ─ send ─▶ acknowledged ─▶ marked; what was refused again stays
 *             ├──▶ refused ──────▶ its halves; a single event stays
 *             └──▶ not now ──────▶ behind the others, until nothing was taken for so long
 *
 * A letter is marked after its acknowledgement, so a replay that is killed repeats at most a chunk and loses nothing.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { DeadLetterReplayCommand } from '../../config/dead-letter-command.ts'
import {
  openDeadLetterFiles,
  type ReadDeadLetter,
} from '../../dataplane/dead-letter/read-dead-letters.ts'
import { openMarks, type Marks } from '../../dataplane/dead-letter/replayed.ts'
import type { Io } from '../io.ts'
import { counted } from '../status/words.ts'
import { chosenLetters } from './chosen.ts'
import { chunksOf } from './chunks.ts'
import { openHttpTarget, openSenderTarget, type ReplayTarget } from './target.ts'
import { plain } from './text.ts'

/** Chunks that wait for another time; with more, nothing new is read. */
const maxWaiting = 4

interface Tally {
  acknowledged: number
  refused: number
  notTaken: number
  cutOff: number
  damaged: number
}

/** Exit code 0 when all that can be sent was acknowledged, 1 when anything of it remains. */
export async function replayDeadLetters(command: DeadLetterReplayCommand, io: Io): Promise<number> {
  const { paths, target, dryRun, giveUp } = command
  const tally: Tally = { acknowledged: 0, refused: 0, notTaken: 0, cutOff: 0, damaged: 0 }
  const say = (text: string): void => void io.stderr.write(`${plain(text)}\n`)
  const snapshot = await openDeadLetterFiles(paths)
  const seen = new Map<string, string[]>()

  async function* whole(): AsyncGenerator<ReadDeadLetter, void, void> {
    const letters = chosenLetters(snapshot, {
      choice: command,
      onDamaged(what) {
        tally.damaged += 1
        say(`Skipped: ${what}`)
      },
      onSeen({ marks, digest }) {
        const digests = seen.get(marks) ?? []
        digests.push(digest)
        seen.set(marks, digests)
      },
    })
    for await (const letter of letters) {
      // Its end is gone: what would be sent is another event.
      if (letter.length === undefined) yield letter
      else tally.cutOff += 1
    }
  }

  const marks = new Map<string, Marks>()
  let isWhole = false
  /** Opens the marks of each letter before it is sent: a folder that cannot be written is told of in time. */
  async function* markable(): AsyncGenerator<ReadDeadLetter, void, void> {
    for await (const letter of whole()) {
      if (!marks.has(letter.marks)) marks.set(letter.marks, await openMarks(letter.marks))
      yield letter
    }
  }

  async function mark(letters: readonly ReadDeadLetter[]): Promise<void> {
    for (const [path, its] of Map.groupBy(letters, (letter) => letter.marks)) {
      await marks.get(path)?.add(its.map(({ digest }) => digest))
    }
    tally.acknowledged += letters.length
  }

  try {
    if (dryRun || target === undefined) {
      let count = 0
      for await (const chunk of chunksOf(whole())) count += chunk.length
      io.stdout.write(`${counted(count, 'event')} would be sent${rest(tally)}\n`)
      return 0
    }
    const sending =
      'to' in target ? openHttpTarget(target.to) : await openSenderTarget(target.sender, io, giveUp)
    try {
      await sendAll(markable(), { target: sending, giveUp, mark, say, tally })
      isWhole = true
    } finally {
      await sending.close()
    }
  } finally {
    for (const [path, file] of marks) {
      await file.close(isWhole && snapshot.wholeMarks.has(path) ? seen.get(path) : undefined)
    }
    await snapshot.close()
  }
  const { acknowledged, refused, notTaken } = tally
  const stay = [
    ...(refused > 0 ? [`; refused again: ${refused}`] : []),
    ...(notTaken > 0 ? [`; not taken: ${notTaken}`] : []),
  ].join('')
  io.stdout.write(`${counted(acknowledged, 'event')} sent again${stay}${rest(tally)}\n`)
  return refused + notTaken > 0 ? 1 : 0
}

function rest({ cutOff, damaged }: Tally): string {
  return [
    ...(cutOff > 0 ? [`; only the beginning is kept, cannot be sent: ${cutOff}`] : []),
    ...(damaged > 0 ? [`; damaged lines: ${damaged}`] : []),
  ].join('')
}

interface Sending {
  target: ReplayTarget
  giveUp: number
  mark(this: void, letters: readonly ReadDeadLetter[]): Promise<void>
  say(this: void, text: string): void
  tally: Tally
}

async function sendAll(letters: AsyncIterable<ReadDeadLetter>, sending: Sending): Promise<void> {
  const { target, giveUp, mark, say, tally } = sending
  const waiting: ReadDeadLetter[][] = []
  let progressAt = performance.now()
  let waitMs = 0
  let said = ''

  async function send(chunk: ReadDeadLetter[]): Promise<void> {
    const result = await target.send(chunk.map(({ event }) => event))
    if (result.kind === 'acknowledged') {
      progressAt = performance.now()
      const { refused } = result
      tally.refused += refused.size
      return mark(chunk.filter((_letter, place) => !refused.has(place)))
    }
    if (result.problem !== said) say(result.problem)
    said = result.problem
    if (result.kind === 'not now') {
      waitMs = result.waitMs
      waiting.push(chunk)
    } else if (chunk.length === 1) tally.refused += 1
    else {
      const middle = chunk.length >> 1
      await send(chunk.slice(0, middle))
      await send(chunk.slice(middle))
    }
  }

  /** False once nothing was taken for too long. */
  async function sendWaiting(): Promise<boolean> {
    const left = giveUp - (performance.now() - progressAt)
    if (left <= 0) return false
    await delay(Math.min(waitMs, left))
    for (const chunk of waiting.splice(0)) await send(chunk)
    return true
  }

  let goesOn = true
  for await (const chunk of chunksOf(letters)) {
    if (goesOn) await send(chunk)
    else tally.notTaken += chunk.length
    while (goesOn && waiting.length >= maxWaiting) goesOn = await sendWaiting()
  }
  while (goesOn && waiting.length > 0) goesOn = await sendWaiting()
  for (const chunk of waiting) tally.notTaken += chunk.length
}
