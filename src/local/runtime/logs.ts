/** What containers print: into one file each, of bounded size, and to the screen on request. */
import { createWriteStream, mkdirSync, openSync, renameSync, type WriteStream } from 'node:fs'
import { dirname } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'

/** As the kubelet's containerLogMaxSize: then the file becomes `….1` and a new one begins. */
const maxFileSize = 10 * 2 ** 20

export interface ContainerLog {
  readonly path: string
  attach(stream: Readable): void
  close(): Promise<void>
}

/** @param screen gets each line with the container's name before it. */
export function openContainerLog(
  path: string,
  prefix: string,
  screen: ((line: string) => void) | undefined,
  maxSize: number = maxFileSize,
): ContainerLog {
  mkdirSync(dirname(path), { recursive: true })
  // Opened at once, so that the file is there to be renamed however soon.
  const open = (): WriteStream => createWriteStream(path, { fd: openSync(path, 'a') })
  let file = open()
  let written = 0

  const write = (chunk: Buffer, source: Readable): void => {
    if (written > 0 && written + chunk.length > maxSize) {
      file.end()
      renameSync(path, `${path}.1`)
      file = open()
      written = 0
    }
    written += chunk.length
    if (file.write(chunk)) return
    source.pause()
    file.once('drain', () => source.resume())
  }
  return {
    path,
    attach(stream) {
      stream.on('data', (chunk: Buffer) => write(chunk, stream))
      if (screen === undefined) return
      createInterface({ input: stream }).on('line', (line) => screen(`${prefix} ${line}`))
    },
    close: () => new Promise((resolve) => file.end(resolve)),
  }
}
