/** A sidecar's JSON file: text → value, with all problems in one error that names the file. */
import { messageOf, TerminalError } from '../errors.ts'

type Parse<T> = (
  value: unknown,
) => { value: T } | { problems: readonly { path: string; message: string }[] }

export function parseSidecarFile<T>(text: string, path: string, parse: Parse<T>): T {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (error) {
    throw new TerminalError('LSL_CONFIG_INVALID', [`${path}: ${messageOf(error)}`], {
      cause: error,
    })
  }
  const result = parse(json)
  if ('value' in result) return result.value
  const lines = result.problems.map((problem) => `${path}: ${problem.message}`)
  throw new TerminalError('LSL_CONFIG_INVALID', [lines.join('\n')])
}
