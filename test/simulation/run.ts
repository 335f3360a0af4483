/**
 * `npm run simulate -- --seeds N [--from SEED] [--mutation NAME]`: many seeds on the cores of this machine.
 * `npm run simulate -- --seed S [--mutation NAME]`: one of them, with all that happens in it.
 * `npm run simulate -- --mutations`: each mutation, until a seed catches it.
 */
import { fork } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { mutate, mutations } from './mutations.ts'
import type { Done, Task } from './worker.ts'
import type { Result } from './world.ts'

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '3000' },
    from: { type: 'string', default: '1' },
    seed: { type: 'string' },
    mutation: { type: 'string' },
    mutations: { type: 'boolean', default: false },
  },
})

/** Within so many seeds each mutation must be caught. */
const mutationSeeds = 2_000
const chunk = 50
const enoughFailures = 5

function wholeNumber(option: string, text: string): number {
  if (/^\d+$/.test(text)) return Number(text)
  throw new Error(`Expected --${option} to be a whole number, got ${text}`)
}

async function one(seed: number): Promise<boolean> {
  if (values.mutation !== undefined) mutate(values.mutation)
  const { createShared } = await import('./shared.ts')
  const { simulate } = await import('./world.ts')
  const result = await simulate(seed, { ...createShared(), say })
  say(`seed ${seed}, hash ${result.hash}: ${result.problem ?? 'all is well'}`)
  return result.problem === undefined
}

/** Stops at `enough` failures. */
async function many(
  from: number,
  seeds: number,
  enough: number,
  mutation: string | undefined,
): Promise<Done> {
  const total: Done = {
    failures: [],
    runs: 0,
    events: 0,
    steps: 0,
    cpu: 0,
    slowest: { seed: 0, ms: 0 },
  }
  let next = from
  const workers = Math.min(availableParallelism(), Math.ceil(seeds / chunk))
  await Promise.all(
    Array.from(
      { length: workers },
      () =>
        new Promise<void>((resolve, reject) => {
          const worker = fork(
            new URL('./worker.ts', import.meta.url),
            mutation === undefined ? [] : [mutation],
          )
          function give(): void {
            const left = from + seeds - next
            if (left <= 0 || total.failures.length >= enough) {
              worker.disconnect()
              return
            }
            const task: Task = { from: next, count: Math.min(chunk, left) }
            next += task.count
            worker.send(task)
          }
          worker.on('message', (done: Done) => {
            total.failures.push(...done.failures)
            total.runs += done.runs
            total.events += done.events
            total.steps += done.steps
            total.cpu += done.cpu
            if (done.slowest.ms > total.slowest.ms) total.slowest = done.slowest
            give()
          })
          worker.once('exit', (code) => {
            if (code === 0) resolve()
            else reject(new Error(`A worker of the simulation ended with code ${code}`))
          })
          give()
        }),
    ),
  )
  total.failures.sort((a, b) => a.seed - b.seed)
  return total
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

function describe({ seed, problem }: Result): string {
  return `seed ${seed}: ${problem}`
}

async function all(): Promise<boolean> {
  const seeds = wholeNumber('seeds', values.seeds)
  const begun = performance.now()
  const done = await many(wholeNumber('from', values.from), seeds, enoughFailures, values.mutation)
  const seconds = (performance.now() - begun) / 1000
  for (const failure of done.failures.slice(0, enoughFailures)) say(describe(failure))
  say(
    `${done.runs} seeds in ${seconds.toFixed(1)} s (${Math.round(done.runs / seconds)} a second, ${(done.cpu / done.runs).toFixed(1)} ms of CPU each), ` +
      `${done.events} events, ${done.steps} steps; at rest at most ${(done.slowest.ms / 1000).toFixed(1)} s after the last fault (seed ${done.slowest.seed})`,
  )
  if (done.failures.length === 0) return true
  say('A seed replays exactly: npm run simulate -- --seed SEED')
  return false
}

async function eachMutation(): Promise<boolean> {
  let caught = true
  for (const name of Object.keys(mutations)) {
    const { failures, runs } = await many(1, mutationSeeds, 1, name)
    const [first] = failures
    caught &&= first !== undefined
    say(`${name}: ${first ? describe(first) : `not caught within ${runs} seeds`}`)
  }
  return caught
}

let well: boolean
if (values.mutations) well = await eachMutation()
else if (values.seed !== undefined) well = await one(wholeNumber('seed', values.seed))
else well = await all()
process.exitCode = well ? 0 : 1
