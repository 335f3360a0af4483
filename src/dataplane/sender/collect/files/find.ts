/** Which files there are now that the globs mean. Symlinks count as what they lead to. */
import { type BigIntStats, statSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { setImmediate } from 'node:timers/promises'
import { dirname, join } from 'node:path'
import { messageOf } from '../../../../errors.ts'
import type { Step } from './glob.ts'

export interface FoundFile {
  /** Device and inode. */
  key: string
  path: string
  size: number
  modified: bigint
}

export interface Findings {
  /** By key: one that is reached by several paths is there once. */
  files: Map<string, FoundFile>
  /** Folders where it shows when such files come and go, with what tells one from its successor of the same name. */
  folders: Map<string, string>
  /** Paths that could not be looked at, with the reason: what is not found may be there nevertheless. */
  problems: Map<string, string>
}

/** Whether it may be there though it was not found: it, or a folder that it lies in, could not be looked at. */
export function isHidden(path: string, { problems }: Pick<Findings, 'problems'>): boolean {
  if (problems.size === 0) return false
  for (let at = path; ; at = dirname(at)) {
    if (problems.has(at)) return true
    if (at === dirname(at)) return false
  }
}

/** Calls of stat before others get their turn. They are made without Node's threads, for the reason that reading.ts gives. */
const atOnce = 64

export async function findFiles(globs: readonly (readonly Step[])[]): Promise<Findings> {
  const findings: Findings = { files: new Map(), folders: new Map(), problems: new Map() }
  const paths = new Set<string>()
  for (const glob of globs) for (const path of await expand(glob, findings)) paths.add(path)
  const sorted = [...paths].toSorted()
  for (let i = 0; i < sorted.length; i += atOnce) {
    for (const path of sorted.slice(i, i + atOnce)) visit(path, findings)
    await setImmediate()
  }
  const listed = new Set([...findings.folders.keys(), ...sorted.map((path) => dirname(path))])
  findings.folders.clear()
  for (const folder of listed) takeFolder(folder, findings)
  // A folder that is replaced, or made at last, shows in the one above it.
  for (const folder of listed) takeFolder(dirname(folder), findings)
  return findings
}

/** That folder, or the nearest one above it that is there. */
function takeFolder(path: string, findings: Findings): void {
  for (let folder = path; !findings.folders.has(folder); folder = dirname(folder)) {
    const stats = statOf(folder, findings)
    if (stats?.isDirectory()) findings.folders.set(folder, keyOf(stats))
    if (stats || folder === '/') return
  }
}

export function keyOf({ dev, ino }: Pick<BigIntStats, 'dev' | 'ino'>): string {
  return `${dev}:${ino}`
}

async function expand(glob: readonly Step[], findings: Findings): Promise<string[]> {
  let folders = ['/']
  for (const [index, step] of glob.entries()) {
    if ('name' in step) {
      folders = folders.map((folder) => join(folder, step.name))
      continue
    }
    const isLast = index === glob.length - 1
    const found: string[] = []
    for (const folder of folders) {
      if (isLast) findings.folders.set(folder, '')
      const names = await namesIn(folder, findings)
      found.push(...names.filter(step.matches).map((name) => join(folder, name)))
    }
    folders = found
  }
  return folders
}

function visit(path: string, { files, problems }: Findings): void {
  const stats = statOf(path, { problems })
  if (!stats?.isFile()) return
  const key = keyOf(stats)
  const known = files.get(key)
  // Always the same one of several.
  if (known && known.path <= path) return
  files.set(key, { key, path, size: Number(stats.size), modified: stats.mtimeNs })
}

async function namesIn(folder: string, { problems }: Findings): Promise<string[]> {
  try {
    return await readdir(folder)
  } catch (error) {
    note(folder, error, problems)
    return []
  }
}

function statOf(path: string, { problems }: Pick<Findings, 'problems'>): BigIntStats | undefined {
  try {
    return statSync(path, { bigint: true })
  } catch (error) {
    note(path, error, problems)
    return undefined
  }
}

/** Names come and go while we look, and a symlink may lead nowhere. */
const harmless = new Set(['ENOENT', 'ENOTDIR', 'ELOOP'])

function note(path: string, error: unknown, problems: Map<string, string>): void {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  if (!harmless.has(code)) problems.set(path, messageOf(error))
}
