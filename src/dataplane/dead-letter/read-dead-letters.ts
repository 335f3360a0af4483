/**
 * Reads dead-letter files, also while a running sidecar appends to them or replaces them: what stood there at the start is
 * read to its end, however often the files are renamed meanwhile.
 */
import { createHash } from 'node:crypto'
import { open, readdir, stat, type FileHandle } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { isMissing } from './missing.ts'

export interface ReadDeadLetter {
  /** Its bytes as they came, or their beginning. */
  event: Buffer
  reason: string
  /** RFC 3339. */
  time: string
  host?: string
  /** Of the whole event, where `event` is only its beginning. */
  length?: number
  /** Of its line: by that it is known again. */
  digest: string
  /** The line itself, without newline. */
  line: Buffer
  /** Where it stands which were sent again. */
  marks: string
}

/** `damaged` says what is wrong with a line that has to be skipped, and where. */
type DeadLetterRead = { letter: ReadDeadLetter } | { damaged: string }

export interface DeadLetterSnapshot {
  /** In the order in which they were written. */
  files: readonly string[]
  /** Marks all of whose letters are read, so that others of them are no longer needed. */
  wholeMarks: ReadonlySet<string>
  read(): AsyncGenerator<DeadLetterRead, void, void>
  close(): Promise<void>
}

/** The older half of a folder comes first. */
const names = ['dead-letters.1.ndjson', 'dead-letters.ndjson']
const folderMarks = 'dead-letters.replayed'
const pieceBytes = 256 * 1024
/** A longer line was written by nobody of ours. */
const maxLine = 2 ** 28
const maxAttempts = 10

interface FoundFile {
  path: string
  marks: string
  whole: boolean
}

interface OpenFile extends FoundFile {
  handle: FileHandle
  size: number
}

/** Files, and folders with all below them. Rejects with what the file system says of a path that cannot be read. */
export async function openDeadLetterFiles(paths: readonly string[]): Promise<DeadLetterSnapshot> {
  for (let attempt = 1; ; attempt += 1) {
    const opened = await openAll(paths)
    // A file that was renamed between two openings could be missing, or be there twice.
    if ((await isUnmoved(opened)) || attempt === maxAttempts) return snapshotOf(opened)
    await closeAll(opened)
  }
}

function snapshotOf(opened: readonly OpenFile[]): DeadLetterSnapshot {
  return {
    files: opened.map(({ path }) => path),
    wholeMarks: new Set(opened.flatMap(({ marks, whole }) => (whole ? [marks] : []))),
    async *read() {
      for (const file of opened) yield* readFile(file)
    },
    close: () => closeAll(opened),
  }
}

async function openAll(paths: readonly string[]): Promise<OpenFile[]> {
  const opened: OpenFile[] = []
  try {
    for (const file of await filesOf(paths)) {
      const { path } = file
      if (opened.some((each) => each.path === path)) continue
      const handle = await open(path, 'r').catch((error: unknown) => {
        // Listed, and gone since.
        if (isMissing(error) && !paths.includes(path)) return undefined
        throw error
      })
      if (handle !== undefined) opened.push({ ...file, handle, size: 0 })
    }
    for (const file of opened) file.size = (await file.handle.stat()).size
    return opened
  } catch (error) {
    await closeAll(opened)
    throw error
  }
}

async function filesOf(paths: readonly string[]): Promise<FoundFile[]> {
  const found: FoundFile[] = []
  for (const path of paths) {
    if (!(await stat(path)).isDirectory()) {
      const isOurs = names.includes(basename(path))
      const marks = isOurs ? join(dirname(path), folderMarks) : `${path}.replayed`
      found.push({ path, marks, whole: !isOurs })
      continue
    }
    const entries = await readdir(path, { recursive: true, withFileTypes: true })
    const ours = entries.filter(({ name }) => names.includes(name))
    for (const folder of [...new Set(ours.map(({ parentPath }) => parentPath))].toSorted()) {
      for (const name of names) {
        if (!ours.some((each) => each.parentPath === folder && each.name === name)) continue
        found.push({ path: join(folder, name), marks: join(folder, folderMarks), whole: true })
      }
    }
  }
  return found
}

async function isUnmoved(opened: readonly OpenFile[]): Promise<boolean> {
  for (const { path, handle } of opened) {
    const there = await stat(path).catch(() => undefined)
    if (there?.ino !== (await handle.stat()).ino) return false
  }
  return true
}

async function closeAll(opened: readonly OpenFile[]): Promise<void> {
  await Promise.all(opened.map(({ handle }) => handle.close()))
}

async function* readFile(file: OpenFile): AsyncGenerator<DeadLetterRead, void> {
  const { path, marks, handle, size } = file
  let rest: Buffer = Buffer.alloc(0)
  let number = 0
  for (let position = 0; position < size; ) {
    const length = Math.min(pieceBytes, size - position)
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(length), 0, length, position)
    // Cut back meanwhile: a crash had torn the last one.
    if (bytesRead === 0) break
    position += bytesRead
    rest = Buffer.concat([rest, buffer.subarray(0, bytesRead)])
    let start = 0
    for (;;) {
      const end = rest.indexOf(0x0a, start)
      if (end === -1) break
      number += 1
      if (end > start) yield lineOf(rest.subarray(start, end), { marks, at: `${path}:${number}` })
      start = end + 1
    }
    rest = rest.subarray(start)
    if (rest.length > maxLine) break
  }
  if (rest.length > 0)
    yield { damaged: `${path}:${number + 1} has no end: it is being written, or torn` }
}

function lineOf(line: Buffer, { marks, at }: { marks: string; at: string }): DeadLetterRead {
  const parsed = parse(line)
  if (parsed === undefined) return { damaged: `${at} is no dead letter` }
  const digest = createHash('sha256').update(line).digest('base64url').slice(0, 22)
  return { letter: { ...parsed, digest, line, marks } }
}

const before = '{"event":'
const after = ',"reason":'

function parse(line: Buffer): Omit<ReadDeadLetter, 'digest' | 'line' | 'marks'> | undefined {
  const text = line.toString('utf8')
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof value !== 'object' || value === null || !('event' in value)) return undefined
  const { event, reason, time, host, length, base64 } = value as Record<string, unknown>
  if (typeof reason !== 'string' || typeof time !== 'string') return undefined
  // Cut out and not printed anew, which would change large numbers. In what follows the event no quote is unescaped, so
  // the last one of these is not the event's own.
  const end = text.lastIndexOf(after)
  const asItStands = text.startsWith(before) && end > 0 ? text.slice(before.length, end) : undefined
  return {
    event:
      typeof base64 === 'string'
        ? Buffer.from(base64, 'base64')
        : Buffer.from(typeof event === 'string' ? event : (asItStands ?? JSON.stringify(event))),
    reason,
    time,
    ...(typeof host === 'string' ? { host } : {}),
    ...(typeof length === 'number' ? { length } : {}),
  }
}
