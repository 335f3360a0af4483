/** `npm run demo`: the main job from end to end on the example manifests, with a receiver killed on the way. */
import { parseFlags, type FlagTable } from '../config/flags.ts'
import { realClock } from '../controller/clock.ts'
import { createLocal, type Local } from '../local/local.ts'
import { createLog } from '../telemetry/log.ts'
import { createMetrics } from '../telemetry/metrics.ts'
import { problemOfEvents } from './demo/events-file.ts'
import { maxBatchOfFile, play } from './demo/play.ts'
import { demoManifests, tellLink, type Scene } from './demo/scene.ts'
import { summarise, type Outcome } from './demo/summary.ts'
import { endingSignals } from './ending-signals.ts'
import type { Io } from './io.ts'
import { tellReadiness } from './local-screen.ts'
import { answerUsage } from './usage.ts'

const demoFlags = {
  events: { value: 'FILE', help: 'send the lines of this file in place of HTTP requests' },
  requests: {
    value: 'COUNT',
    help: 'how many HTTP requests to make; default 20000, or what 12 s allow',
  },
  keep: { help: 'leave it running, and print where to look' },
  logs: { help: 'show what containers print' },
  'shared-address': {
    help: 'all pods at 127.0.0.1, each with ports of its own, as where no other address exists',
  },
  help: { help: 'show this' },
} as const satisfies FlagTable

/** For a busy machine, on which the usual number of requests would take too long, ms. */
const usualLimit = 12_000

/** Exit code 0 when every event arrived. */
export async function runDemo(args: string[], io: Io): Promise<number> {
  const flags = parseFlags(args, demoFlags)
  const total = Number(flags.get('requests') ?? 20_000)
  const problems = [...flags.problems]
  if (!Number.isInteger(total) || total < 1) {
    problems.push(`Expected \`--requests\` to be a number from 1 up, got ${flags.get('requests')}`)
  }
  const file = flags.get('events')
  const unusable = file === undefined ? undefined : await problemOfEvents(file)
  if (unusable !== undefined) problems.push(unusable)
  const answered = answerUsage('demo', args, demoFlags, problems, io)
  if (answered !== undefined) return answered

  const began = performance.now()
  const tell = (line: string): void => {
    const seconds = ((performance.now() - began) / 1000).toFixed(1).padStart(5)
    io.stdout.write(`${seconds} s  ${line}\n`)
  }
  const amount = { total, limitMs: flags.has('requests') ? Infinity : usualLimit }
  const signals = endingSignals()
  tell('starting deploy/examples: two web pods, three indexer pods, one LogstashLink')
  const local = await createLocal({
    manifests: await demoManifests(file === undefined ? undefined : maxBatchOfFile),
    log: createLog({ program: 'demo', level: 'Error' }),
    registry: createMetrics({ program: 'demo' }),
    ...(flags.has('logs') && { screen: tell }),
    ...(flags.has('shared-address') && { sharedAddress: true }),
  })
  signals.onSecond(() => local.kill())
  const told = tellReadiness({ cluster: local.cluster, clock: realClock, tell })
  const interrupted = signals.first.then((): Outcome | 'interrupted' => 'interrupted')
  const ending = new AbortController()
  const showLink = async (): Promise<void> => {
    told.flush()
    await tellLink(local, tell)
  }
  const playing = play({ local, file, amount, tell, tellLink: showLink, signal: ending.signal })
  // Once it was interrupted, how it ends is of no interest; before, the race hears of it.
  playing.catch(() => undefined)
  try {
    const outcome = await Promise.race([interrupted, playing])
    if (outcome === 'interrupted') return 130
    await showLink()
    for (const line of summarise(outcome)) tell(line)
    if (flags.has('keep')) {
      for (const line of addresses(outcome.scene, local)) tell(line)
      await signals.first
    }
    return outcome.missing === 0 ? 0 : 1
  } finally {
    ending.abort()
    told.stop()
    await local.stop()
    signals.forget()
  }
}

function addresses({ web, indexers }: Scene, local: Local): string[] {
  return [
    'it goes on until Ctrl-C; to look at:',
    ...web.map(({ url }) => `  curl ${url}/hello`),
    ...indexers.map(({ url }) => `  curl ${url}/count`),
    ...indexers.map(({ health }) => `  curl ${health}/status    (also /readyz and /metrics)`),
    `  ls ${local.folder}/logs`,
  ]
}
