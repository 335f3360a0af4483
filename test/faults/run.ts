/**
 * `npm run faults -- [--seed N | --schedules COUNT --from N] [--jobs N] [--keep]`: schedules of faults against real
 * processes. Exit code 1 when a promise broke; then the schedule, what is missing and the folder with all logs are printed.
 */
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { startGuardian } from './guardian.ts'
import { runSchedule, type Outcome } from './run-schedule.ts'
import { scheduleOf, scheduleText, type Schedule } from './schedule.ts'
import { mayMount } from './small-disk.ts'

const { values } = parseArgs({
  options: {
    /** Exactly this one. */
    seed: { type: 'string' },
    schedules: { type: 'string', default: '20' },
    /** The first seed. */
    from: { type: 'string', default: '1' },
    /** Worlds at once. */
    jobs: { type: 'string', default: '1' },
    /** Keeps the folders of schedules that went well, too. */
    keep: { type: 'boolean', default: false },
  },
})

const inOwnNamespace = 'FAULTS_IN_OWN_NAMESPACE'
if (process.platform !== 'linux') {
  console.error('faults: needs Linux (an address for each world, /proc, small file systems)')
  process.exitCode = 1
} else if (process.env[inOwnNamespace] === undefined) await runInOwnNamespace()
else await runAll()

/** Again in a mount namespace, where small disks may be mounted and go away with the last process. */
async function runInOwnNamespace(): Promise<void> {
  const ways = [['unshare', '--mount'], ['unshare', '--user', '--map-root-user', '--mount'], []]
  const way = ways.find(([program = 'true', ...rest]) => {
    return spawnSync(program, [...rest, ...(program === 'true' ? [] : ['true'])]).status === 0
  })
  const [program = process.execPath, ...rest] = [
    ...(way ?? []),
    process.execPath,
    ...process.argv.slice(1),
  ]
  // Its channel tells the other of our end, however we end.
  const child = spawn(program, rest, {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    env: { ...process.env, [inOwnNamespace]: '1' },
  })
  for (const signal of ['SIGTERM', 'SIGHUP', 'SIGINT'] as const) {
    process.on(signal, () => void child.kill(signal))
  }
  process.exitCode = await new Promise<number>((resolve, reject) => {
    child.on('error', reject)
    child.on('exit', (code) => resolve(code ?? 1))
  })
}

async function runAll(): Promise<void> {
  process.on('disconnect', () => process.exit(1))
  process.channel?.unref()
  const guardian = startGuardian()
  const root = mkdtempSync(join(tmpdir(), 'logstash-link-faults-'))
  const canMount = mayMount(root)
  if (!canMount) console.error('faults: no file system may be mounted here, so no disk is filled')
  const seeds =
    values.seed === undefined
      ? Array.from({ length: Number(values.schedules) }, (_, i) => Number(values.from) + i)
      : [Number(values.seed)]
  const outcomes: Outcome[] = []
  let failed = false

  async function job(place: number): Promise<void> {
    for (let seed = seeds.shift(); seed !== undefined; seed = seeds.shift()) {
      const schedule = possible(scheduleOf(seed), canMount)
      if (values.seed !== undefined) console.log(scheduleText(schedule))
      const folder = join(root, `seed-${seed}`)
      const outcome = await runSchedule(schedule, { folder, guardian, canMount, place })
      outcomes.push(outcome)
      report(outcome, folder)
      if (outcome.problems.length > 0) failed = true
      else if (!values.keep) rmSync(folder, { recursive: true })
    }
  }

  const began = performance.now()
  await Promise.all(Array.from({ length: Number(values.jobs) }, (_, place) => job(place)))
  await guardian.close()
  summary(outcomes, performance.now() - began)
  if (values.keep) console.log(`Kept: ${root}`)
  else if (!failed) rmSync(root, { recursive: true })
  // Not when the last socket has closed: all that matters is over.
  process.exit(failed ? 1 : 0)
}

/** What this machine does not allow is left out; the rest stays at its time. */
function possible(schedule: Schedule, canMount: boolean): Schedule {
  const steps = schedule.steps.filter(({ fault }) => canMount || fault.kind !== 'fill-disk')
  return { ...schedule, steps }
}

function report(outcome: Outcome, folder: string): void {
  const { schedule, problems, written, duplicates, deadLettered, lostAsDeclared } = outcome
  const { tookMs, settledMs, peakMemory } = outcome
  console.log(
    [
      `seed ${schedule.seed}: ${problems.length === 0 ? 'ok' : 'FAILED'}`,
      `${schedule.steps.length} faults`,
      `${written} events, ${duplicates} duplicates, ${deadLettered} dead letters`,
      `${lostAsDeclared} lost as declared`,
      `${(tookMs / 1000).toFixed(1)} s (settled in ${(settledMs / 1000).toFixed(1)} s)`,
      `${Math.round(peakMemory / 2 ** 20)} MiB`,
    ].join(', '),
  )
  if (problems.length === 0) return
  console.log(scheduleText(schedule))
  for (const problem of problems) console.log(`  - ${problem}`)
  console.log(`  Replay: npm run faults -- --seed ${schedule.seed}\n  Everything lies in ${folder}`)
}

function summary(outcomes: readonly Outcome[], tookMs: number): void {
  const sum = (value: (each: Outcome) => number): number =>
    outcomes.reduce((total, each) => total + value(each), 0)
  const failed = outcomes.filter(({ problems }) => problems.length > 0)
  const kinds = new Map<string, number>()
  for (const { kind } of outcomes.flatMap(({ schedule }) => schedule.steps.map((s) => s.fault))) {
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1)
  }
  console.log(
    `${outcomes.length} schedules in ${(tookMs / 1000).toFixed(0)} s, ${failed.length} failed; ` +
      `${sum(({ written }) => written)} events, ${sum(({ duplicates }) => duplicates)} duplicates, ` +
      `${sum(({ deadLettered }) => deadLettered)} dead letters, ` +
      `${sum(({ lostAsDeclared }) => lostAsDeclared)} lost as declared`,
  )
  console.log([...kinds].map(([kind, count]) => `${kind} ${count}`).join(', '))
  if (failed.length > 0) {
    console.log(`Failed seeds: ${failed.map(({ schedule }) => schedule.seed).join(', ')}`)
  }
}
