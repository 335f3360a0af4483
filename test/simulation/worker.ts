/** Runs seeds for run.ts, in a process of its own: a mutation must be in place before the code is loaded. */
import { mutate } from './mutations.ts'
import type { Judge } from './judge.ts'
import type { Result } from './world.ts'

export interface Task {
  from: number
  count: number
}

export interface Done {
  failures: Result[]
  runs: number
  events: number
  steps: number
  /** ms of this process. */
  cpu: number
  slowest: { seed: number; ms: number }
}

const [mutation] = process.argv.slice(2)
if (mutation !== undefined) mutate(mutation)
const { createShared } = await import('./shared.ts')
const { simulate } = await import('./world.ts')

let judge: Judge | undefined
// A promise of the code under test that nobody waits for.
process.on('unhandledRejection', (error) =>
  judge?.fail(`An error went astray: ${error instanceof Error ? error.stack : String(error)}`),
)
const shared = {
  ...createShared(),
  onBegin(begun: Judge) {
    judge = begun
  },
}

async function work({ from, count }: Task): Promise<Done> {
  const before = process.cpuUsage()
  const done: Done = {
    failures: [],
    runs: 0,
    events: 0,
    steps: 0,
    cpu: 0,
    slowest: { seed: 0, ms: 0 },
  }
  for (let seed = from; seed < from + count; seed += 1) {
    const result = await simulate(seed, shared)
    done.runs += 1
    done.events += result.events
    done.steps += result.steps
    const ms = result.settledAfter
    if (ms > done.slowest.ms) done.slowest = { seed, ms }
    if (result.problem !== undefined) done.failures.push(result)
  }
  const { user, system } = process.cpuUsage(before)
  done.cpu = (user + system) / 1000
  return done
}

process.on('message', (task: Task) => {
  void work(task).then((done) => process.send?.(done))
})
process.on('disconnect', () => process.exit())
