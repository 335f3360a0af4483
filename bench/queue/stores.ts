/** The stores that are compared, each behind the same face: durable commits, and batches that are taken and removed. */
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setImmediate } from 'node:timers/promises'
import { createRealDisk } from '../../src/dataplane/disk/real-disk.ts'
import { openDiskQueue } from '../../src/dataplane/queue/disk/disk-queue.ts'
import { systemTime } from '../../src/dataplane/time.ts'
import type { Events } from '../../src/dataplane/wire/events.ts'

export interface Store {
  /** Resolves once it is on the disk. */
  commit(events: Events): Promise<void>
  /** Takes and removes about a thousand events; answers with their number, 0 when none is there now. */
  consume(): number
  syncs(): number
  close(): Promise<void>
}

const batch = { maxEvents: 1000, maxBytes: 2 ** 20, maxWait: 0 }

export async function openLog(directory: string): Promise<Store> {
  let syncs = 0
  const log = { info: () => undefined, warn: console.warn, error: console.error }
  const queue = await openDiskQueue<() => void>({
    directory,
    disk: createRealDisk(),
    time: systemTime,
    log,
    settings: { maxSize: 2 ** 30, onFull: 'Block' },
    newId: () => `bench-${process.pid}`,
    listener: {
      settled({ done }) {
        for (const resolve of done) resolve()
      },
      changed: () => undefined,
    },
    observe: { synced: () => (syncs += 1), corrupt: () => undefined, lost: () => undefined },
  })
  return {
    async commit(events) {
      for (;;) {
        const { promise, resolve } = Promise.withResolvers<void>()
        if (queue.commit([events], systemTime.now(), resolve).result === 'accepted')
          return await promise
        await setImmediate()
      }
    },
    consume() {
      const taken = queue.cut(batch)
      if (taken === undefined) return 0
      queue.acknowledge(taken)
      return taken.events.count
    },
    syncs: () => syncs,
    close: () => queue.close(),
  }
}

/** WAL with synchronous = FULL: one sync for each transaction, which holds all that came since the last one. */
export function openSqlite(directory: string): Store {
  const db = new DatabaseSync(join(directory, 'queue.sqlite'))
  db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 2000')
  db.exec(
    'CREATE TABLE waiting (id INTEGER PRIMARY KEY, events INTEGER NOT NULL, body BLOB NOT NULL)',
  )
  const insert = db.prepare('INSERT INTO waiting (events, body) VALUES (?, ?)')
  const select = db.prepare('SELECT id, events, body FROM waiting WHERE id > ? ORDER BY id LIMIT ?')
  const remove = db.prepare('DELETE FROM waiting WHERE id <= ?')
  let pending: { events: Events; resolve: () => void }[] = []
  let running = false
  let taken = 0
  let removed = 0
  let syncs = 0

  async function run(): Promise<void> {
    running = true
    while (pending.length > 0) {
      const group = pending
      pending = []
      db.exec('BEGIN IMMEDIATE')
      for (const { events } of group) insert.run(events.count, events.body)
      if (removed < taken) remove.run(taken)
      removed = taken
      db.exec('COMMIT')
      syncs += 1
      for (const { resolve } of group) resolve()
      await setImmediate()
    }
    running = false
  }

  return {
    commit(events) {
      const { promise, resolve } = Promise.withResolvers<void>()
      pending.push({ events, resolve })
      if (!running) void run()
      return promise
    },
    consume() {
      let count = 0
      for (const row of select.all(taken, 1000)) {
        count += Number(row['events'])
        taken = Number(row['id'])
        if (count >= batch.maxEvents) break
      }
      if (count > 0 && pending.length === 0) {
        remove.run(taken)
        removed = taken
      }
      return count
    },
    syncs: () => syncs,
    close() {
      db.close()
      return Promise.resolve()
    },
  }
}
