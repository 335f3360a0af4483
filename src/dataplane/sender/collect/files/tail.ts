/**
 * collect.files: follows files through their rotations. One loop does everything in turns, so that no two of its steps
 * meet in the middle:
 *
 *   find ──▶ roster ──▶ turns ──▶ look (identity, read) ──▶ handover ──▶ intake
 *     ▲ each second, or when heard of a change                     │ safe
 *     └────────────────────────── checkpoints ◀────────────────────┘
 */
import { resolve } from 'node:path'
import type { Log } from '../../../../telemetry/log.ts'
import type { Registry } from '../../../../telemetry/metrics.ts'
import type { Disk } from '../../../disk/disk.ts'
import type { Time } from '../../../time.ts'
import type { Intake } from '../../intake.ts'
import type { Collected } from '../collected.ts'
import type { Checkpoint } from './checkpoint-format.ts'
import { type Checkpoints, openCheckpoints } from './checkpoints.ts'
import { createDescriptors } from './descriptors.ts'
import { createDiscovery } from './discovery.ts'
import { createFormers } from './formers.ts'
import { parseGlob } from './glob.ts'
import { createHandover } from './handover.ts'
import { createIdentity } from './identity.ts'
import { createLeaving } from './leaving.ts'
import { tailLimits, type TailLimits } from './limits.ts'
import { createLook, rewindFile } from './look.ts'
import { createTailMetrics, type TailNumbers } from './metrics.ts'
import { createOwnFiles, type OwnFolder } from './own-files.ts'
import { createReport } from './report.ts'
import { absentFiles, createRoster } from './roster.ts'
import { createServing } from './serving.ts'
import { ageOf, checkpointOf, lagOf, type ReaderOptions, type TailedFile } from './tailed-file.ts'
import { createTurns } from './turns.ts'

export interface TailDeps {
  /** Globs; relative ones count from the working directory. */
  paths: readonly string[]
  /** Where checkpoints are kept; undefined: in memory only. */
  directory: string | undefined
  /** Where this program writes: what lies there is not followed. */
  own(this: void): readonly OwnFolder[]
  disk: Disk
  time: Time
  intake: Intake
  collected: Collected
  maxLine: () => number
  registry: Registry
  log: Log
  limits?: Partial<TailLimits>
}

export interface Tail {
  /** Reads what is there now to its end; resolves once that is committed. */
  stop(): Promise<void>
  /** Events that were read and are not committed. */
  untaken(): number
  /** Stops at once, and writes the checkpoints. */
  end(): Promise<void>
  status(): object
}

/** Until the loop goes on after an error that nobody expected, ms. */
const again = 1_000

export async function startTail(deps: TailDeps): Promise<Tail> {
  const { time, log, intake, collected, directory, disk, registry } = deps
  const limits: TailLimits = { ...tailLimits, ...deps.limits }
  const options = (): ReaderOptions => ({ maxLine: deps.maxLine(), date: time.date })
  const checkpoints =
    directory === undefined
      ? memoryOnly(log)
      : await openCheckpoints({ directory, disk, time, log, read: whatIsKept })
  const onProgress = (): void => checkpoints.changed()
  const rewind = (file: TailedFile): void => rewindFile(file, options(), intake)

  const absent = absentFiles(checkpoints.loaded, options(), time.now())
  const metrics = createTailMetrics(registry, numbers)
  const report = createReport({ metrics, log, numbers, problem: () => checkpoints.problem() })
  const roster = createRoster({ time, limits, report, absent, options })
  const formers = createFormers(absent)
  const turns = createTurns()
  const descriptors = createDescriptors({
    limit: limits.open,
    mayClose: (key) => isAtRest(roster.files.get(key)),
    onClose(key) {
      // It is looked at again when all files are and it has changed.
      turns.drop(key)
      const file = roster.files.get(key)
      if (file) rewind(file)
    },
  })
  const handover = createHandover({ intake, collected })
  const identity = createIdentity({
    ...{ time, descriptors, formers, report, options, rewind, onProgress },
    files: () => roster.files.values(),
    isFirstScan: () => discovery.isFirst(),
  })
  const look = createLook({ intake, identity, handover, report, time, options, onProgress })
  const leaving = createLeaving({ look, handover, time, log })
  const serving = createServing({
    ...{ time, limits, look, turns, roster, descriptors, leaving, report },
    isStopping: () => stage !== 'running',
    hears: (file) => discovery.hears(file),
    onMoved: () => discovery.soon(),
  })
  const discovery = createDiscovery({
    ...{ limits, time, log, roster, formers, identity, report },
    own: createOwnFiles({ folders: deps.own, onFound: report.own }),
    globs: deps.paths.map((path) => parseGlob(resolve(path))),
    ask: ({ key }, at) => turns.ask(key, at),
    guarded: (file, step) => serving.guarded(file, step),
    onExpired: (former) => leaving.add(former),
    wake: () => wake?.(),
  })

  let stage: 'running' | 'stopping' | 'closed' = 'running'
  /** On stop: how far each file is to be read yet. */
  let remaining: Map<string, number> | undefined
  let wake: (() => void) | undefined
  let isWaitingForRoom = false
  const chosenAt = new WeakMap<TailedFile, number>()
  let choices = 0

  function whatIsKept(): Checkpoint[] {
    return [...roster.files.values(), ...absent.values(), ...formers.all().map(nameless)]
      .filter(({ phase, fingerprint }) => phase === 'followed' && fingerprint.length > 0)
      .map(checkpointOf)
  }

  /**
   * All memory is held by beginnings of lines: of one file the line is read on, those of the others are read again later.
   * It is the one that was chosen longest ago, else the same few would be chosen for ever. Undefined: it is not so.
   */
  function chosenToGoOn(file: TailedFile): TailedFile | undefined {
    if (!intake.isStuck()) return undefined
    const all = [...roster.files.values()]
    const [chosen = file] = [
      file,
      ...all.filter(({ held, position, size }) => held > 0 && position < size),
    ].toSorted((a, b) => (chosenAt.get(a) ?? 0) - (chosenAt.get(b) ?? 0))
    choices += 1
    chosenAt.set(chosen, choices)
    for (const other of all) if (other !== chosen && other.held > 0) rewind(other)
    return chosen
  }

  /** To the end of the line that it is in: piece by piece in turns, the others would take the memory each time. */
  async function readLine(file: TailedFile): Promise<void> {
    let seen: string
    let before: number
    do {
      before = file.held
      seen = await serving.serve(file)
    } while (seen === 'more' && file.held > before)
  }

  async function pause(until: number): Promise<void> {
    if (stage === 'closed') return
    const { promise, resolve: over } = Promise.withResolvers<void>()
    wake = over
    const callOff = time.after(Math.max(0, until - time.now()), over)
    await promise
    callOff()
  }

  async function pauseForRoom(): Promise<void> {
    if (!isWaitingForRoom) {
      isWaitingForRoom = true
      void intake.room().then(() => {
        isWaitingForRoom = false
        wake?.()
      })
    }
    await pause(discovery.at())
  }

  async function serveNext(): Promise<void> {
    const key = remaining ? remaining.keys().next().value : turns.next(time.now())
    if (key === undefined) return pause(Math.min(turns.nextAt(), discovery.at()))
    const file = roster.files.get(key)
    const target = remaining?.get(key)
    remaining?.delete(key)
    if (!file) return
    const mayRead = handover.outstanding() < limits.pieces && intake.mayStream(file.held)
    let seen: string = 'more'
    const chosen = mayRead ? file : chosenToGoOn(file)
    if (mayRead) seen = await serving.serve(file)
    else {
      turns.ask(key, time.now())
      if (chosen) await readLine(chosen)
    }
    // Behind the others, so that each has its turn when we stop as well.
    if (target !== undefined && seen === 'more' && (file.position < target || !mayRead)) {
      remaining?.set(key, target)
    }
    if (!chosen) await pauseForRoom()
  }

  async function turn(): Promise<void> {
    if (stage === 'stopping' && !remaining) {
      await discovery.scan()
      remaining = new Map([...roster.files.values()].map(({ key, size }) => [key, size]))
    } else if (time.now() >= discovery.at()) await discovery.scan()
    if (!handover.tryAgain()) await pauseForRoom()
    else if (!(await leaving.serve(stage !== 'running'))) await serveNext()
  }

  function isDone(): boolean {
    const isRead = stage === 'stopping' && remaining?.size === 0 && leaving.isEmpty()
    return stage === 'closed' || (isRead && handover.tryAgain())
  }

  function numbers(): TailNumbers {
    const now = time.now()
    const all = [...roster.files.values()]
    return {
      files: all.length,
      open: descriptors.count(),
      lag: all.reduce((sum, file) => sum + lagOf(file), 0),
      oldest: all.reduce((age, file) => Math.max(age, ageOf(file, now)), 0),
    }
  }

  async function run(): Promise<void> {
    while (!isDone()) {
      try {
        await turn()
      } catch (error) {
        log.error({ err: error }, 'Following files failed; it is tried again')
        await pause(time.now() + again)
      }
    }
  }

  const done = run()
  return {
    async stop() {
      if (stage === 'running') stage = 'stopping'
      wake?.()
      await done
    },
    untaken: () => handover.waiting(),
    async end() {
      stage = 'closed'
      wake?.()
      await done
      discovery.close()
      const { lag } = numbers()
      if (lag > 0) log.info({ bytes: lag }, 'Stopped before these bytes of files were safe')
      await checkpoints.close()
      await descriptors.closeAll()
    },
    status: () => report.status(),
  }
}

/** Read to its end and still there, so that it can be opened again. */
function isAtRest(file: TailedFile | undefined): boolean {
  if (!file) return true
  const { goneAt, phase, isVerified, position, size } = file
  if (goneAt !== undefined) return false
  return phase === 'compressed' || (phase === 'followed' && isVerified && position >= size)
}

/** What was truncated has an inode no longer. */
function nameless(file: TailedFile): TailedFile {
  return { ...file, key: '' }
}

function memoryOnly(log: Log): Checkpoints {
  log.warn(
    {},
    'How far files are read is kept in memory only: a restart reads them from their beginning',
  )
  return {
    loaded: [],
    changed: () => undefined,
    problem: () => undefined,
    close: () => Promise.resolve(),
  }
}
