/** Runs one schedule from an empty folder to a verdict, within a limit, and leaves no process behind. */
import { globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { messageOf } from '../../src/errors.ts'
import { eventually } from '../support/eventually.ts'
import { createRandom } from '../support/random.ts'
import { startFileActor, startHttpActor, startTcpActor, type Actor } from './actors.ts'
import { createChecker, type Checker, type Verdict } from './checker.ts'
import { bringAbout } from './faults.ts'
import type { Guardian } from './guardian.ts'
import { scheduleText, type Schedule, type SenderName } from './schedule.ts'
import { logsOf, ports } from './settings.ts'
import { deadLetterFolders, senderNames, startWorld, type World } from './world.ts'

export interface Outcome extends Verdict {
  schedule: Schedule
  /** All of it, start and end included. */
  tookMs: number
  /** From the end of the last fault until nothing was missing. */
  settledMs: number
  /** The most that any process took, bytes. */
  peakMemory: number
}

export interface RunOptions {
  folder: string
  guardian: Guardian
  /** Each sender's state lies on a small file system of its own; without that its disk cannot be filled. */
  canMount: boolean
  /** Of this world among those that run at once, from 0 on. */
  place?: number
}

/** What waits on back-off of up to 30 s and time-outs of 10 s must be through by then. */
const settleLimit = 60_000
const rates = { http: 600, files: 800, tcp: 500 }

/** `folder` is empty and stays: whoever called removes it when all went well. */
export async function runSchedule(
  schedule: Schedule,
  { folder, guardian, canMount, place = 0 }: RunOptions,
): Promise<Outcome> {
  const began = performance.now()
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'schedule.txt'), `${scheduleText(schedule)}\n`)
  const checker = createChecker(schedule.seed)
  const world = await startWorld({ schedule, folder, guardian, checker, canMount, place })
  const actors = startActors(world, schedule, checker)
  const failures: string[] = []
  let settledMs = 0
  try {
    await playFaults(world, schedule)
    const healed = performance.now()
    await settle(world, actors, checker)
    settledMs = performance.now() - healed
    await Promise.all(senderNames.map((name) => world.processes.terminate(name, 10_000)))
  } catch (error) {
    failures.push(messageOf(error))
    await Promise.all(senderNames.map((name) => world.processes.kill(name)))
    world.keepState()
  } finally {
    for (const actor of actors) actor.abort()
    readDeadLetters(folder, checker)
    await world.close()
  }
  const verdict = checker.verdict({
    refusedAll: schedule.steps.some(
      ({ fault }) => fault.kind === 'failing-application' && fault.status === 400,
    ),
    toldOfDamage: (source) => toldOfDamage.test(logOf(folder, `sender-${source}`)),
  })
  const outcome = {
    ...verdict,
    problems: [
      ...verdict.problems,
      ...failures,
      ...world.processes.problems,
      ...actors.flatMap(({ problems }) => problems),
    ],
    schedule,
    tookMs: performance.now() - began,
    settledMs,
    peakMemory: world.processes.peakMemory(),
  }
  writeFileSync(join(folder, 'outcome.json'), `${JSON.stringify(outcome, undefined, 2)}\n`)
  return outcome
}

function startActors(world: World, schedule: Schedule, checker: Checker): Actor[] {
  const { address, folder } = world
  const { seed } = schedule
  const options = (source: keyof typeof rates, salt: number) => ({
    seed,
    checker,
    random: createRandom(seed * 10 + salt),
    rate: rates[source],
  })
  return [
    startHttpActor(`http://${address}:${ports.collectHttp}/`, options('http', 1)),
    startTcpActor(
      { host: address, port: ports.collectTcp },
      {
        ...options('tcp', 2),
        collected: () => collectedByTcp(world, schedule),
        endedAt: () => world.processes.endedAt('sender-tcp'),
      },
    ),
    startFileActor(logsOf(folder), options('files', 3)),
  ]
}

/**
 * Undefined where the count says nothing: what a full disk refused waits in memory, and what another sender left behind is
 * counted as well.
 */
async function collectedByTcp(
  { address, folder }: World,
  { steps }: Schedule,
): Promise<number | undefined> {
  const name = 'sender-tcp'
  const isFilled = steps.some(({ fault }) => fault.kind === 'fill-disk' && fault.target === name)
  if (isFilled || logOf(folder, name).includes('A sender is gone')) return undefined
  const url = `http://${address}:${ports.senderHealth[name]}/status`
  const response = await fetch(url, { signal: AbortSignal.timeout(1000) })
  const { events } = (await response.json()) as { events?: { collected: number } }
  return events?.collected
}

async function playFaults(world: World, { steps, durationMs }: Schedule): Promise<void> {
  const began = performance.now()
  const until = (at: number): Promise<void> => delay(Math.max(0, at - (performance.now() - began)))
  const played = steps.map(async ({ at, fault }) => {
    await until(at)
    await bringAbout(world, fault)
  })
  await Promise.all([...played, until(durationMs)])
}

/**
 * The HTTP application writes on until the others' events are through: poison is known only beside events that pass. Gives
 * up early when a program is gone that would have to bring them.
 */
async function settle(world: World, actors: readonly Actor[], checker: Checker): Promise<void> {
  const [http, ...others] = actors
  const deadline = performance.now() + settleLimit
  const left = (): number => Math.max(0, deadline - performance.now())
  const nothingIsMissing = (): void => {
    readDeadLetters(world.folder, checker)
    const missing = checker.missing()
    const isHopeless = world.processes.problems.length > 0
    if (missing.length > 0 && !isHopeless) throw new Error(`${missing.length} are missing`)
  }
  const untilNothingIsMissing = (what: string): Promise<void> =>
    eventually(what, nothingIsMissing, { limitMs: left(), everyMs: 100 })
  await withLimit(Promise.all(others.map((actor) => actor.finish())), left())
  let failure: unknown
  await untilNothingIsMissing('every event of files and streams arrives').catch(
    (error: unknown) => (failure = error),
  )
  // Also after a failure, so that its report names no event that was merely on its way.
  await withLimit(http?.finish(), Math.max(left(), 5_000))
  if (failure === undefined) await untilNothingIsMissing('every event arrives')
  else await delay(2_000)
  if (failure !== undefined) throw failure
}

async function withLimit(work: Promise<unknown> | undefined, limitMs: number): Promise<void> {
  const late = new AbortController()
  const timeout = delay(limitMs, 'late', { signal: late.signal }).catch(() => 'in time')
  if ((await Promise.race([work, timeout])) === 'late') {
    throw new Error(`An application was not told that its events are safe within ${limitMs} ms`)
  }
  late.abort()
}

/** As the queue says it (src/dataplane/queue/disk). */
const toldOfDamage =
  /A part of the queue is damaged|end of an interrupted write was cut|A file of the queue cannot be read/

function logOf(folder: string, name: SenderName): string {
  return readFileSync(join(folder, `${name}.log`), 'utf8')
}

function readDeadLetters(folder: string, checker: Checker): void {
  for (const letters of deadLetterFolders(folder)) {
    for (const file of globSync(join(letters, '*.ndjson'))) {
      // What a crash tore is no line yet.
      const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1)
      for (const line of lines) {
        checker.deadLettered(JSON.stringify((JSON.parse(line) as { event: unknown }).event))
      }
    }
  }
}
