/**
 * Files that this program writes itself, which a glob may take by mistake: what it read of them would make it write more.
 * Folders are told by device and inode, so that neither a symlink nor a second mount of the same volume hides them.
 */
import { fstatSync, realpathSync, statSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { type Findings, type FoundFile, keyOf } from './find.ts'

export interface OwnFolder {
  /** It may not be there yet. */
  path: string
  /** Which names of files in it are ours; default: all of them, in the folders below as well. */
  names?: RegExp
}

export interface OwnFilesDeps {
  folders(this: void): readonly OwnFolder[]
  /** What the program's log goes to, and whatever else is open from its beginning: file descriptors. */
  descriptors?: readonly number[]
  /** Hears of the first one that was left out. */
  onFound(this: void, path: string): void
}

export interface OwnFiles {
  /** Takes them out of what was found. */
  leaveOut(findings: Findings): void
}

export function createOwnFiles({ folders, descriptors = [1, 2], onFound }: OwnFilesDeps): OwnFiles {
  /** By key and path: a file is looked at once for as long as it is found. */
  let known = new Map<string, boolean>()
  let isSaid = false

  return {
    leaveOut({ files }) {
      // Looked at after the files were found: a folder that comes later holds none of them.
      const own = { folders: foldersOf(folders()), open: filesOf(descriptors) }
      const next = new Map<string, boolean>()
      for (const file of files.values()) {
        const name = `${file.key} ${file.path}`
        const isOwn = known.get(name) ?? isOurs(file, own)
        next.set(name, isOwn)
        if (!isOwn) continue
        files.delete(file.key)
        if (!isSaid) onFound(file.path)
        isSaid = true
      }
      known = next
    },
  }
}

function isBelow(path: string, own: ReadonlyMap<string, OwnFolder>): boolean {
  const real = realpathSync(path)
  for (let folder = dirname(real); ; folder = dirname(folder)) {
    const found = own.get(keyOf(statSync(folder, { bigint: true })))
    if (found && (found.names === undefined || found.names.test(basename(real)))) return true
    if (folder === dirname(folder)) return false
  }
}

function isOurs(
  { key, path }: FoundFile,
  own: { folders: ReadonlyMap<string, OwnFolder>; open: ReadonlySet<string> },
): boolean {
  if (own.open.has(key)) return true
  try {
    return own.folders.size > 0 && isBelow(path, own.folders)
  } catch {
    // It is gone, or lies where we may not look; then it cannot be read either.
    return false
  }
}

function foldersOf(folders: readonly OwnFolder[]): Map<string, OwnFolder> {
  return new Map(
    folders.flatMap((folder) => {
      const stats = statSync(folder.path, { bigint: true, throwIfNoEntry: false })
      return stats === undefined ? [] : [[keyOf(stats), folder] as const]
    }),
  )
}

/** Only of those that are files: a pipe or a terminal has no path. */
function filesOf(descriptors: readonly number[]): Set<string> {
  return new Set(
    descriptors.flatMap((descriptor) => {
      const stats = fstatSync(descriptor, { bigint: true })
      return stats.isFile() ? [keyOf(stats)] : []
    }),
  )
}
