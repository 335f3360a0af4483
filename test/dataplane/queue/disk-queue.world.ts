/**
 * A disk queue in a world of its own: commands drive it, a model knows what was offered, told and delivered, and each step
 * is held against the invariants. Lives end by crashes; the next one opens what they left.
 */
import assert from 'node:assert/strict'
import { openDiskQueue } from '../../../src/dataplane/queue/disk/disk-queue.ts'
import type { DiskQueue } from '../../../src/dataplane/queue/disk/types.ts'
import type { Batch, QueueSettings } from '../../../src/dataplane/queue/queue.ts'
import { lines, type Events } from '../../../src/dataplane/wire/events.ts'
import { createCrashingDisk, type CrashingDisk } from '../../support/crashing-disk.ts'
import { manualTime, settled, type ManualTime } from '../../support/manual-time.ts'

export type Command =
  | { do: 'commit'; counts: number[]; size: number; owned: boolean }
  | { do: 'cut'; maxEvents: number }
  | { do: 'acknowledge'; which: number }
  | { do: 'withdraw'; which: number }
  | { do: 'wait'; ms: number }
  | { do: 'fail'; call: 'write' | 'sync' | 'truncate' | 'remove' | 'create' | 'read' }
  | { do: 'fill' }
  | { do: 'mend' }
  | { do: 'reopen' }
  | { do: 'crash'; how: 'process' | 'power' }

export interface World {
  disk: CrashingDisk
  time: ManualTime
  /** Undefined while no life could open it. */
  queue: DiskQueue<number> | undefined
  corrupt: number
  lost: number
  run(command: Command): Promise<void>
  /** Mends the disk, lives on until nothing is left, and checks that nothing told is missing. */
  finish(options?: { mayMiss?: number }): Promise<void>
  open(): Promise<void>
}

const directory = '/queue'

export function createWorld(
  settings: QueueSettings,
  random: () => number,
  log: (text: string) => void = () => undefined,
): World {
  const time = manualTime()
  const disk = createCrashingDisk({ random })
  let next = 0
  let ids = 0
  const accepted = new Set<number>()
  /** By owner: what it committed and has not been told of. */
  const waiting = new Map<number, number[]>()
  const told = new Set<number>()
  const delivered = new Set<number>()
  const withdrawn = new Set<number>()
  /** What each key of a receiver's memory named. */
  const keys = new Map<string, number>()
  let dropped = 0
  let held: Batch<number>[] = []
  /** Of this life, to check the order. */
  let highest = -1
  let cutHere = new Set<number>()
  let life = 0
  let finishing = false
  /** What a commit may take on the disk that was let in alone, as it is larger than the queue. */
  let alone = 0

  const logger = {
    info: (fields: object, text: string) => log(`info ${text} ${JSON.stringify(fields)}`),
    warn: (fields: object, text: string) => log(`warn ${text} ${JSON.stringify(fields)}`),
    error: (fields: object, text: string) => log(`error ${text} ${JSON.stringify(fields)}`),
  }

  function segmentBytes(): number {
    return disk
      .paths()
      .filter((path) => path.endsWith('.log'))
      .reduce((sum, path) => sum + disk.bytes(path).length, 0)
  }

  function check(): void {
    const most = Math.max(settings.maxSize, alone)
    assert.ok(segmentBytes() <= most, `${segmentBytes()} bytes of segments, at most ${most}`)
    const totals = world.queue?.totals()
    if (totals === undefined) return
    assert.ok(totals.events >= totals.waitingEvents && totals.waitingEvents >= 0)
    assert.ok(totals.bytes >= totals.waitingBytes && totals.waitingBytes >= 0)
    assert.equal(totals.events === 0, totals.bytes === 0)
  }

  function beginLife(): void {
    life += 1
    time.forget()
    held = []
    highest = -1
    cutHere = new Set()
    for (const owner of waiting.keys()) waiting.delete(owner)
  }

  async function open(): Promise<void> {
    beginLife()
    const own = life
    world.queue = undefined
    const opening = openDiskQueue<number>({
      directory,
      disk: disk.start(),
      time,
      log: logger,
      settings,
      newId: () => `id-${(ids += 1)}`,
      window: 2_000,
      listener: {
        settled({ done }) {
          if (own !== life) return
          for (const owner of done) {
            for (const event of waiting.get(owner) ?? []) told.add(event)
            waiting.delete(owner)
          }
        },
        changed: () => undefined,
      },
      observe: {
        synced: () => undefined,
        corrupt: () => (world.corrupt += 1),
        lost: (events) => (world.lost += events),
      },
    }).then((queue) => {
      if (own === life) world.queue = queue
    })
    let failed: unknown
    opening.catch((error: unknown) => (failed = error))
    await settled()
    if (failed !== undefined && finishing) throw failed
  }

  function commit({ counts, size, owned }: Extract<Command, { do: 'commit' }>): void {
    const queue = world.queue
    if (queue === undefined) return
    const mine: number[] = []
    const parts = counts.map((count): Events => {
      const numbers = Array.from({ length: count }, () => next++)
      mine.push(...numbers)
      const text = numbers.map((n) => `{"seq":${n}}`.padEnd(size - 1, ' ') + '\n').join('')
      return { body: Buffer.from(text), count }
    })
    const owner = owned ? mine[0] : undefined
    if (owner !== undefined) waiting.set(owner, mine)
    const wasEmpty = queue.totals().events === 0
    const answer = queue.commit(parts, time.now(), owner)
    dropped += answer.dropped
    if (answer.result === 'full') {
      assert.equal(answer.dropped, 0)
      if (owner !== undefined) waiting.delete(owner)
      return
    }
    for (const event of mine) accepted.add(event)
    const bytes = parts.reduce((sum, { body }) => sum + body.length, 0)
    if (wasEmpty) alone = Math.max(alone, Math.ceil(bytes * 1.15) + 1024)
  }

  function cut(maxEvents: number): void {
    const batch = world.queue?.cut({ maxEvents, maxBytes: 10_000, maxWait: 0 })
    if (batch === undefined) return
    const numbers = [...lines(batch.events)].map((line) => Number(/\d+/.exec(line.toString())?.[0]))
    assert.equal(numbers.length, batch.events.count)
    assert.equal(batch.last - batch.first + 1, numbers.length)
    for (const [index, event] of numbers.entries()) {
      assert.ok(accepted.has(event), `event ${event} was never taken`)
      const key: string = `${world.queue?.senderId}:${batch.first + index}`
      assert.equal(keys.get(key) ?? event, event, `${key} names two events`)
      keys.set(key, event)
      if (!cutHere.has(event)) {
        assert.ok(event > highest, `${event} came after ${highest}`)
        highest = event
        cutHere.add(event)
      }
    }
    held.push(batch)
  }

  function acknowledge(which: number): void {
    if (held.length === 0) return
    const [batch] = held.splice(which % held.length, 1)
    if (batch === undefined) return
    for (const line of lines(batch.events)) {
      delivered.add(Number(/\d+/.exec(line.toString())?.[0]))
    }
    world.queue?.acknowledge(batch)
  }

  function withdraw(which: number): void {
    const owners = [...waiting.keys()]
    const owner = owners[which % owners.length]
    if (owner === undefined) return
    world.queue?.withdraw(owner, () => false)
    for (const event of waiting.get(owner) ?? []) withdrawn.add(event)
    waiting.delete(owner)
  }

  async function reopen(): Promise<void> {
    const queue = world.queue
    if (queue === undefined) return await open()
    const before = life
    void queue.close().catch(() => undefined)
    await settled()
    await time.advance(100)
    if (before === life) await open()
  }

  async function apply(command: Command): Promise<void> {
    if (command.do === 'commit') commit(command)
    else if (command.do === 'cut') cut(command.maxEvents)
    else if (command.do === 'acknowledge') acknowledge(command.which)
    else if (command.do === 'withdraw') withdraw(command.which)
    else if (command.do === 'wait') await time.advance(command.ms)
    else if (command.do === 'fail')
      disk.setFault((call) => (call === command.call ? 'EIO' : undefined))
    else if (command.do === 'fill') disk.setCapacity(disk.used() + 50)
    else if (command.do === 'mend') mend()
    else if (command.do === 'reopen') await reopen()
    else {
      disk.crash(command.how)
      await open()
    }
  }

  function mend(): void {
    disk.setFault(undefined)
    disk.setCapacity(Number.POSITIVE_INFINITY)
  }

  const world: World = {
    disk,
    time,
    queue: undefined,
    corrupt: 0,
    lost: 0,
    open,
    async run(command) {
      log(JSON.stringify(command))
      let crashed = false
      void disk.crashed().then(() => (crashed = true))
      await apply(command)
      await settled()
      if (crashed && command.do !== 'crash') {
        log('crashed')
        await open()
      }
      check()
    },
    async finish({ mayMiss = 0 } = {}) {
      finishing = true
      mend()
      await world.run({ do: 'crash', how: 'power' })
      for (let turn = 0; world.queue && world.queue.totals().events > 0; turn += 1) {
        assert.ok(turn < 2_000, 'The queue does not come to its end')
        await world.run({ do: 'cut', maxEvents: 7 })
        await world.run({ do: 'acknowledge', which: turn })
        if (held.length === 0) await world.run({ do: 'wait', ms: 1_000 })
      }
      assert.ok(world.queue, 'The queue does not open')
      const missing = [...told].filter((event) => !delivered.has(event))
      assert.ok(
        missing.length <= mayMiss + dropped,
        `told of and not delivered: ${missing.join(', ')}; dropped ${dropped}`,
      )
      // Space is given back: nothing but one segment that is not full yet.
      await world.run({ do: 'wait', ms: 10_000 })
      assert.ok(disk.paths().filter((path) => path.endsWith('.log')).length <= 1)
    },
  }
  return world
}
