/** What the disk refuses: said once per cause, tried again with growing waits, and gone from view when it works again. */
import { messageOf } from '../../../errors.ts'

/** What the queue says; the log of a program fits. */
export interface QueueLog {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

const activities = {
  write: 'The disk takes no events',
  remove: 'What was delivered cannot be removed from the disk',
  read: 'Events cannot be read from the disk',
  acknowledge: 'What was delivered cannot be noted on the disk',
} as const

type Activity = keyof typeof activities

export interface Trouble {
  /** Answers with the time to wait before the next try, ms. */
  hit(activity: Activity, error: unknown): number
  well(activity: Activity): void
  has(activity: Activity): boolean
  /** The most hindering one as a sentence. */
  problem(): string | undefined
}

const firstWait = 100
const longestWait = 5_000

export function createTrouble(log: QueueLog): Trouble {
  const troubles = new Map<Activity, { cause: string; text: string; tries: number }>()

  return {
    hit(activity, error) {
      const known = troubles.get(activity)
      const text = messageOf(error)
      // The message may name a file that is another one at each try.
      const cause = error instanceof Error && 'code' in error ? String(error.code) : text
      if (known?.cause !== cause) log.error({ problem: text }, activities[activity])
      const tries = (known?.tries ?? 0) + 1
      troubles.set(activity, { cause, text, tries })
      return Math.min(firstWait * 2 ** Math.min(tries - 1, 10), longestWait)
    },
    well(activity) {
      if (!troubles.delete(activity)) return
      log.info({ activity }, 'The disk works again')
    },
    has: (activity) => troubles.has(activity),
    problem() {
      for (const [activity, text] of Object.entries(activities)) {
        const trouble = troubles.get(activity as Activity)
        if (trouble !== undefined) return `${text}: ${trouble.text}`
      }
      return undefined
    },
  }
}
