/**
 * A program that writes numbered lines as fast as told and rotates its log now and then: arguments are the folder, how it
 * rotates, how many lines in all, lines a second, and lines between rotations. Starts with a run of node on this file.
 */
import {
  closeSync,
  copyFileSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { setTimeout as delay } from 'node:timers/promises'

/** What happens between two lines; lines that come in `late` are written to the old file after that. */
export const rotations = {
  /** Out of the globs. */
  rename: { late: 0, glob: 'app.log' },
  /** As a writer does that is told by a signal some time after. */
  renameLate: { late: 2_000, glob: 'app.log' },
  renameMatching: { late: 2_000, glob: 'app.log*' },
  copyTruncate: { late: 0, glob: 'app.log*' },
  delete: { late: 2_000, glob: 'app.log' },
  gzip: { late: 0, glob: 'app.log*' },
  folder: { late: 0, glob: 'now/app.log' },
  symlink: { late: 0, glob: '*.link' },
} as const

export type Rotation = keyof typeof rotations

/** Length of a line: an ordinary log line's. */
const fill = 'x'.repeat(80)

export function lineOf(seq: number): string {
  return `{"seq":${seq},"fill":"${fill}"}\n`
}

async function write(
  folder: string,
  kind: Rotation,
  count: number,
  rate: number,
  every: number,
): Promise<void> {
  const path = join(folder, kind === 'folder' ? 'now/app.log' : 'app.log')
  let number = 0
  let file = create()

  function create(): number {
    if (kind === 'folder') mkdirSync(join(folder, 'now'), { recursive: true })
    if (kind !== 'symlink') return openSync(path, 'a')
    const target = join(folder, `file-${number}`)
    const made = openSync(target, 'a')
    symlinkSync(target, join(folder, 'new'))
    renameSync(join(folder, 'new'), join(folder, 'app.link'))
    return made
  }

  /** The next file; the present one when it stays. */
  function rotate(): number {
    number += 1
    if (kind === 'copyTruncate') {
      copyFileSync(path, `${path}.${number}`)
      ftruncateSync(file, 0)
      return file
    }
    if (kind === 'delete') unlinkSync(path)
    else if (kind === 'folder') renameSync(join(folder, 'now'), join(folder, `old-${number}`))
    else if (kind === 'rename' || kind === 'renameLate')
      renameSync(path, join(folder, `old-${number}`))
    else if (kind !== 'symlink') renameSync(path, `${path}.${number}`)
    if (kind === 'gzip' && number > 1) compress(`${path}.${number - 1}`)
    return create()
  }

  let late: { file: number; until: number } | undefined
  const began = performance.now()
  for (let seq = 0; seq < count; ) {
    await delay(1)
    const due = Math.min(count, Math.ceil(((performance.now() - began) * rate) / 1000))
    while (seq < due) {
      if (seq > 0 && seq % every === 0) {
        const next = rotate()
        if (next !== file) late = { file, until: seq + rotations[kind].late }
        file = next
      }
      if (late && seq >= late.until) {
        closeSync(late.file)
        late = undefined
      }
      const end = Math.min(due, seq + every - (seq % every), late?.until ?? due)
      const lines = Array.from({ length: end - seq }, (_, i) => lineOf(seq + i)).join('')
      writeSync(late?.file ?? file, lines)
      seq = end
    }
  }
}

/** The one before, as rotators do that delay it. */
function compress(old: string): void {
  writeFileSync(`${old}.gz`, gzipSync(readFileSync(old)))
  unlinkSync(old)
}

if (import.meta.main) {
  const [folder = '', kind = '', count, rate, every] = process.argv.slice(2)
  await write(folder, kind as Rotation, Number(count), Number(rate), Number(every))
}
