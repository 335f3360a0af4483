import assert from 'node:assert/strict'
import { spawn, spawnSync, type ChildProcessByStdio } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import test, { type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { createRealDisk } from '../../../src/dataplane/disk/real-disk.ts'
import { openDiskQueue } from '../../../src/dataplane/queue/disk/disk-queue.ts'
import type { DiskQueue } from '../../../src/dataplane/queue/disk/types.ts'
import { systemTime } from '../../../src/dataplane/time.ts'
import { lines } from '../../../src/dataplane/wire/events.ts'
import { eventually } from '../../support/eventually.ts'
import { silentLog } from '../../support/log.ts'

const program = fileURLToPath(new URL('disk-queue.process.ts', import.meta.url))

interface Writer {
  child: ChildProcessByStdio<null, Readable, null>
  out(): string
  kill(): Promise<void>
}

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'logstash-link-queue-'))
  t.after(() => rmSync(path, { recursive: true, force: true }))
  return path
}

function start(t: TestContext, command: readonly string[]): Writer {
  const [file = '', ...args] = command
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  let text = ''
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
  const kill = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    // Its last words are read too.
    await Promise.all([once(child, 'exit'), once(child.stdout, 'close')])
  }
  t.after(kill)
  return { child, out: () => text, kill }
}

function safeOf(writer: Writer): number[] {
  return [...writer.out().matchAll(/^safe (\d+)$/gm)].map((match) => Number(match[1]))
}

async function open(directory: string): Promise<DiskQueue<never>> {
  return await openDiskQueue<never>({
    directory,
    disk: createRealDisk(),
    time: systemTime,
    log: silentLog(),
    settings: { maxSize: 64 * 2 ** 20, onFull: 'Block' },
    newId: () => 'reader',
    listener: { settled: () => undefined, changed: () => undefined },
  })
}

async function drain(directory: string): Promise<number[]> {
  const queue = await open(directory)
  const came: number[] = []
  await eventually(
    'all is read',
    () => {
      const batch = queue.cut({ maxEvents: 1000, maxBytes: 2 ** 20, maxWait: 0 })
      if (batch) {
        came.push(
          ...[...lines(batch.events)].map((line) => Number(/\d+/.exec(line.toString())?.[0])),
        )
        queue.acknowledge(batch)
      }
      assert.equal(queue.totals().events, 0)
    },
    { everyMs: 1 },
  )
  await queue.close()
  return came
}

test('what a process was told is safe is there after kill -9 in the middle of its writing, in order', async (t) => {
  const directory = folder(t)
  const safe: number[] = []
  for (let life = 0; life < 5; life += 1) {
    const writer = start(t, [
      process.execPath,
      program,
      'write',
      directory,
      `${life * 1_000_000}`,
      `${64 * 2 ** 20}`,
    ])
    await eventually('it writes', () => assert.ok(safeOf(writer).length > 50 * (life + 1)))
    await writer.kill()
    safe.push(...safeOf(writer))
  }
  const came = await drain(directory)
  const there = new Set(came)
  assert.deepEqual(
    safe.filter((n) => !there.has(n)),
    [],
  )
  assert.deepEqual(
    came,
    came.toSorted((a, b) => a - b),
  )
  assert.equal(there.size, came.length)
  assert.deepEqual(
    readdirSync(directory).filter((name) => name.endsWith('.log')),
    [],
  )
})

test('a real disk that is full refuses, keeps what it has, and nothing told is lost', async (t) => {
  const directory = folder(t)
  const mount = `mount -t tmpfs -o size=300k none '${directory}'`
  const probe = spawnSync('unshare', ['-rm', 'sh', '-c', mount])
  if (probe.status !== 0) return t.skip(`no tmpfs can be mounted here: ${probe.stderr?.toString()}`)
  const script = `${mount} && "$0" "$@" & writer=$!; sleep 3; kill -9 $writer; cp -r '${directory}' "$COPY"`
  const copy = join(folder(t), 'copy')
  const writer = spawn(
    'unshare',
    [
      '-rm',
      'sh',
      '-c',
      script,
      process.execPath,
      program,
      'write',
      join(directory, 'queue'),
      '0',
      `${64 * 2 ** 20}`,
    ],
    { stdio: ['ignore', 'pipe', 'ignore'], env: { ...process.env, COPY: copy } },
  )
  let text = ''
  writer.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
  await once(writer, 'close')
  assert.match(text, /^full The disk takes no events: ENOSPC/m)
  const safe = [...text.matchAll(/^safe (\d+)$/gm)].map((match) => Number(match[1]))
  assert.ok(safe.length > 100, `${safe.length} events`)
  const there = new Set(await drain(join(copy, 'queue')))
  assert.deepEqual(
    safe.filter((n) => !there.has(n)),
    [],
  )
})

test('two processes never hold one slot, and the slot of a killed one is taken again', async (t) => {
  const directory = folder(t)
  const command = [process.execPath, program, 'slot', directory]
  const writers = Array.from({ length: 4 }, () => start(t, command))
  const slots = await eventually('each has a slot', () => {
    const found = writers.map((writer) => /slot-\d+/.exec(writer.out())?.[0])
    assert.ok(found.every((slot) => slot !== undefined))
    return found
  })
  assert.deepEqual(slots.toSorted(), ['slot-0', 'slot-1', 'slot-2', 'slot-3'])
  await writers[2]?.kill()
  const next = start(t, command)
  await eventually('it has a slot', () => assert.match(next.out(), /slot-\d+/))
  assert.equal(/slot-\d+/.exec(next.out())?.[0], slots[2])
})
