/** Where TLS material stands: every refusal names the setting and the file, and says what was there instead. */
import { readFile, stat } from 'node:fs/promises'
import { messageOf, TerminalError, type ErrorCode } from '../../errors.ts'

export interface Place {
  /** As the user knows it: `tls.identity.cert`, `--keystore`. */
  setting: string
  file: string
}

/** Kubernetes allows a Secret 1 MiB; a file of another kind altogether must not be taken into memory. */
const maxBytes = 4 * 2 ** 20

/** The file's bytes. Throws LSL_FILE_UNREADABLE, LSL_TLS_FILE_SIZE (empty or too large). */
export async function readPlace({ setting, file }: Place): Promise<Buffer> {
  let content: Buffer
  try {
    const { size } = await stat(file)
    if (size > maxBytes) throw sizeError({ setting, file }, size)
    content = await readFile(file)
  } catch (error) {
    if (error instanceof TerminalError) throw error
    throw new TerminalError('LSL_FILE_UNREADABLE', [file, setting, messageOf(error)], {
      cause: error,
    })
  }
  if (content.length === 0 || content.length > maxBytes) {
    throw sizeError({ setting, file }, content.length)
  }
  return content
}

function sizeError({ setting, file }: Place, size: number): TerminalError {
  return new TerminalError('LSL_TLS_FILE_SIZE', [setting, file, maxBytes, size])
}

/** A refusal of what stands at a place; `rest` fills the catalogue's message after setting and file. */
export function refusal(
  code: ErrorCode,
  { setting, file }: Place,
  rest: readonly unknown[],
  cause?: unknown,
): TerminalError {
  return new TerminalError(code, [setting, file, ...rest], cause === undefined ? {} : { cause })
}

/** What a file that is not what was wanted seems to be. Never quotes it: it may be a secret. */
export function kindOf(content: Buffer): string {
  const magic = content.subarray(0, 4).toString('hex')
  if (magic === 'feedfeed' || magic === 'cececece') {
    return 'a Java keystore (convert it by keytool -importkeystore -deststoretype PKCS12)'
  }
  const label = /-----BEGIN ([A-Z0-9 ]{1,40})-----/.exec(content.toString('latin1'))?.[1]
  if (label !== undefined) return `PEM with ${label}`
  return content[0] === 0x30 ? 'DER or PKCS #12' : 'something else'
}
