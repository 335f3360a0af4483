/** `logstash-link dead-letter list|replay`: what was set aside as at fault itself, shown or sent again. */
import {
  deadLetterListCommand,
  deadLetterListFlags,
  deadLetterReplayCommand,
  deadLetterReplayFlags,
} from '../config/dead-letter-command.ts'
import { messageOf } from '../errors.ts'
import { listDeadLetters } from './dead-letter/list.ts'
import { replayDeadLetters } from './dead-letter/replay.ts'
import type { Io } from './io.ts'
import { answerUsage } from './usage.ts'

const operands = ' DIR|FILE…'

/**
 * Exit code 0; of replay 1 when anything remains that could be sent; 1 when nothing can be read or written; 2 for a
 * command line that is refused.
 */
export async function runDeadLetter([action, ...args]: string[], io: Io): Promise<number> {
  const now = Date.now()
  try {
    if (action === 'list') {
      const command = deadLetterListCommand(args, now)
      return (
        answerUsage(
          'dead-letter list',
          args,
          deadLetterListFlags,
          command.problems,
          io,
          operands,
        ) ?? (await listDeadLetters(command, io))
      )
    }
    if (action === 'replay') {
      const { env } = io
      const command = deadLetterReplayCommand(args, { env, now, pid: process.pid })
      const { problems } = command
      return (
        answerUsage('dead-letter replay', args, deadLetterReplayFlags, problems, io, operands) ??
        (await replayDeadLetters(command, io))
      )
    }
  } catch (error) {
    // The file system says which path it is about.
    if (!(error instanceof Error) || !('code' in error)) throw error
    io.stderr.write(`${messageOf(error)}\n`)
    return 1
  }
  return usageOfBoth(action, io)
}

function usageOfBoth(action: string | undefined, io: Io): number {
  const isHelp = action === '--help' || action === 'help'
  if (!isHelp) {
    const got = action === undefined ? 'nothing' : JSON.stringify(action)
    const problem = `Expected \`list\` or \`replay\`, got ${got}`
    answerUsage('dead-letter', [], {}, [problem], io)
    return 2
  }
  answerUsage('dead-letter list', ['--help'], deadLetterListFlags, [], io, operands)
  io.stdout.write('\n')
  answerUsage('dead-letter replay', ['--help'], deadLetterReplayFlags, [], io, operands)
  return 0
}
