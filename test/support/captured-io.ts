/** Surroundings of a program whose output is kept. */
import { Readable, Writable } from 'node:stream'
import type { Io } from '../../src/cli/io.ts'

export interface CapturedIo extends Io {
  out(): string
  err(): string
}

export function capturedIo(env: Io['env'] = {}, input = ''): CapturedIo {
  const texts = { out: '', err: '' }
  const into = (name: 'out' | 'err') =>
    new Writable({
      write(chunk: Buffer, _encoding, done) {
        texts[name] += chunk.toString()
        done()
      },
    })
  return {
    env,
    stdin: Readable.from([input]) as NodeJS.ReadStream,
    stdout: into('out'),
    stderr: into('err'),
    out: () => texts.out,
    err: () => texts.err,
  }
}
