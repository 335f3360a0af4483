/**
 * A disk in memory that crashes, tears, fills up and flips bits. `start` gives each life of a program its view; a crash
 * ends the view: what a dead program still calls never answers.
 *
 *   crash('process')  all that resolved stays; the call under way is done in part
 *   crash('power')    of each file any subset of its writes since the last sync stays, each of them whole, torn or not at
 *                     all, in any order of loss; likewise the names of a folder since its last sync
 */
import { dirname } from 'node:path'
import type { Disk, DiskFile } from '../../src/dataplane/disk/disk.ts'

type DiskCall =
  | 'makeFolder'
  | 'list'
  | 'open'
  | 'create'
  | 'rename'
  | 'remove'
  | 'syncFolder'
  | 'size'
  | 'read'
  | 'write'
  | 'truncate'
  | 'sync'

export interface CrashingDiskOptions {
  /** In [0, 1). */
  random: () => number
  /** Bytes of all files; what goes over it fails with ENOSPC, written in part. Default: endless. */
  capacity?: number
  /** Awaited before each call, so that a simulation can make it late. */
  latency?: (call: DiskCall, path: string) => Promise<void>
  /** A code makes this call fail, a write after a part of it. */
  fault?: (call: DiskCall, path: string) => string | undefined
}

export interface CrashingDisk {
  /** The view of a new life. */
  start(): Disk
  crash(how: 'process' | 'power'): void
  /** The life ends within the call that changes the disk as the n-th from now, 1 being the next one. */
  crashAt(n: number, how: 'process' | 'power'): void
  /** Resolves at the next crash. */
  crashed(): Promise<void>
  /** Calls that changed something, or synced it, since the beginning. */
  changes(): number
  setCapacity(bytes: number): void
  setFault(fault: CrashingDiskOptions['fault']): void
  paths(): string[]
  bytes(path: string): Buffer
  used(): number
  /** As damage does: past every cache, and for good. */
  damage(path: string, change: (bytes: Buffer) => Buffer): void
}

type Change = { at: number; bytes: Buffer } | { length: number }

interface Inode {
  now: Buffer
  synced: Buffer
  unsynced: Change[]
}

type NameChange =
  | { kind: 'create'; path: string; inode: Inode }
  | { kind: 'rename'; from: string; to: string }
  | { kind: 'remove'; path: string }

const changing = new Set<DiskCall>([
  'create',
  'rename',
  'remove',
  'syncFolder',
  'write',
  'truncate',
  'sync',
])

const sector = 512

export function createCrashingDisk(options: CrashingDiskOptions): CrashingDisk {
  const { random, latency } = options
  let { capacity = Number.POSITIVE_INFINITY, fault } = options
  const folders = new Set<string>()
  let names = new Map<string, Inode>()
  const syncedNames = new Map<string, Inode>()
  let nameChanges: NameChange[] = []
  let life = 0
  let changes = 0
  let doom: { at: number; how: 'process' | 'power' } | undefined
  let death = Promise.withResolvers<void>()

  function used(): number {
    return [...new Set(names.values())].reduce((sum, { now }) => sum + now.length, 0)
  }

  function crash(how: 'process' | 'power'): void {
    life += 1
    doom = undefined
    if (how === 'power') {
      for (const change of nameChanges) {
        if (random() < 0.5) applyName(syncedNames, change)
      }
      nameChanges = []
      names = new Map(syncedNames)
      for (const inode of new Set(names.values())) {
        inode.now = inode.synced
        for (const change of inode.unsynced) inode.now = survivorOf(inode.now, change)
        inode.synced = inode.now
        inode.unsynced = []
      }
    }
    const { resolve } = death
    death = Promise.withResolvers<void>()
    resolve()
  }

  /** What of an unsynced change is on the disk after a loss of power. */
  function survivorOf(before: Buffer, change: Change): Buffer {
    const lot = random()
    if (lot < 0.3) return before
    if (lot < 0.6 || 'length' in change) return applied(before, change)
    const { at, bytes } = change
    const torn = Math.floor(random() * (bytes.length + 1))
    if (lot < 0.8) return applied(before, { at, bytes: bytes.subarray(0, torn) })
    // The length came to the disk, some of the sectors did not: they hold zeros, or what stood there.
    let after = applied(before, { at: at + bytes.length, bytes: Buffer.alloc(0) })
    for (let from = 0; from < bytes.length; from += sector) {
      if (random() < 0.5) {
        after = applied(after, { at: at + from, bytes: bytes.subarray(from, from + sector) })
      }
    }
    return after
  }

  /** Runs one call of a life; `half` is what a crash or a failure within it leaves behind. */
  async function call<T>(
    own: number,
    what: DiskCall,
    path: string,
    run: () => T,
    half: () => void = () => undefined,
  ): Promise<T> {
    if (latency) await latency(what, path)
    else await Promise.resolve()
    if (own !== life) return never()
    if (changing.has(what)) {
      changes += 1
      if (doom && (doom.at -= 1) <= 0) {
        const lot = random()
        if (lot < 0.4) half()
        else if (lot < 0.7) run()
        crash(doom.how)
        return never()
      }
    }
    const code = fault?.(what, path)
    if (code !== undefined) {
      half()
      throw failure(code, what, path)
    }
    return run()
  }

  function inodeAt(path: string, what: string): Inode {
    const inode = names.get(path)
    if (inode === undefined) throw failure('ENOENT', what, path)
    return inode
  }

  function rename(change: NameChange): void {
    applyName(names, change)
    nameChanges.push(change)
  }

  function change(inode: Inode, next: Change): void {
    inode.now = applied(inode.now, next)
    inode.unsynced.push(next)
  }

  function fileOf(own: number, path: string, inode: Inode): DiskFile {
    return {
      size: () => call(own, 'size', path, () => inode.now.length),
      read: (at, length) =>
        call(own, 'read', path, () => Buffer.from(inode.now.subarray(at, at + length))),
      write(at, given) {
        const bytes = Buffer.from(given)
        const part = (length: number): void =>
          change(inode, { at, bytes: bytes.subarray(0, length) })
        return call(
          own,
          'write',
          path,
          () => {
            const grown = Math.max(0, at + bytes.length - inode.now.length)
            const over = used() + grown - capacity
            if (grown === 0 || over <= 0) return part(bytes.length)
            part(Math.max(0, bytes.length - over))
            throw failure('ENOSPC', 'write', path)
          },
          () => part(Math.floor(random() * (bytes.length + 1))),
        )
      },
      truncate: (length) => call(own, 'truncate', path, () => change(inode, { length })),
      sync: () =>
        call(
          own,
          'sync',
          path,
          () => {
            inode.synced = inode.now
            inode.unsynced = []
          },
          // As Linux does it after a failed fsync: what could not be written counts as clean and is never tried again.
          () => {
            for (const each of inode.unsynced) inode.synced = survivorOf(inode.synced, each)
            inode.unsynced = []
          },
        ),
      close: async () => {
        if (own !== life) return never()
        await Promise.resolve()
      },
    }
  }

  return {
    start() {
      const own = life
      return {
        async makeFolder(path) {
          await call(own, 'makeFolder', path, () => {
            for (let each = path; each !== dirname(each); each = dirname(each)) folders.add(each)
          })
        },
        list: (folder) =>
          call(own, 'list', folder, () => {
            const below = [...names.keys(), ...folders].filter((path) => dirname(path) === folder)
            return below.map((path) => path.slice(folder.length + 1))
          }),
        open: (path, how) =>
          call(own, how === 'create' ? 'create' : 'open', path, () => {
            if (how === 'existing') return fileOf(own, path, inodeAt(path, 'open'))
            if (names.has(path)) throw failure('EEXIST', 'open', path)
            if (!folders.has(dirname(path))) throw failure('ENOENT', 'open', path)
            const inode: Inode = { now: Buffer.alloc(0), synced: Buffer.alloc(0), unsynced: [] }
            rename({ kind: 'create', path, inode })
            return fileOf(own, path, inode)
          }),
        rename: (from, to) =>
          call(own, 'rename', from, () => {
            inodeAt(from, 'rename')
            rename({ kind: 'rename', from, to })
          }),
        remove: (path) =>
          call(own, 'remove', path, () => {
            inodeAt(path, 'remove')
            rename({ kind: 'remove', path })
          }),
        syncFolder: (folder) =>
          call(own, 'syncFolder', folder, () => {
            const here = nameChanges.filter((each) => folderOf(each) === folder)
            for (const each of here) applyName(syncedNames, each)
            nameChanges = nameChanges.filter((each) => folderOf(each) !== folder)
          }),
      }
    },
    crash,
    crashAt(n, how) {
      doom = { at: n, how }
    },
    crashed: () => death.promise,
    changes: () => changes,
    setCapacity(bytes) {
      capacity = bytes
    },
    setFault(next) {
      fault = next
    },
    paths: () => [...names.keys()].toSorted(),
    bytes: (path) => Buffer.from(inodeAt(path, 'read').now),
    used,
    damage(path, alter) {
      const inode = inodeAt(path, 'damage')
      inode.now = alter(Buffer.from(inode.now))
      inode.synced = inode.now
      inode.unsynced = []
    },
  }
}

function applyName(names: Map<string, Inode>, change: NameChange): void {
  if (change.kind === 'create') names.set(change.path, change.inode)
  else if (change.kind === 'remove') names.delete(change.path)
  else {
    const inode = names.get(change.from)
    if (inode === undefined) return
    names.delete(change.from)
    names.set(change.to, inode)
  }
}

function folderOf(change: NameChange): string {
  return dirname(change.kind === 'rename' ? change.to : change.path)
}

function applied(before: Buffer, change: Change): Buffer {
  if ('length' in change) {
    const after = Buffer.alloc(change.length)
    before.copy(after, 0, 0, change.length)
    return after
  }
  const end = change.at + change.bytes.length
  const after = Buffer.alloc(Math.max(before.length, end))
  before.copy(after)
  change.bytes.copy(after, change.at)
  return after
}

function failure(code: string, call: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${call} '${path}'`), { code })
}

function never<T>(): Promise<T> {
  return new Promise(() => undefined)
}
