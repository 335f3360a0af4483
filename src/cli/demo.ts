/** `npm run demo`: the main job from end to end on the example manifests, with a receiver killed on the way. */
import { setTimeout as delay } from 'node:timers/promises'
import { TerminalError } from '../errors.ts'
import { sidecarName } from '../api/names.ts'
import { parseFlags, type FlagTable } from '../config/flags.ts'
import { createLocal, type Local } from '../local/local.ts'
import { podKind, type Pod } from '../local/pod.ts'
import { createLog } from '../telemetry/log.ts'
import { createMetrics } from '../telemetry/metrics.ts'
import { sendFile } from './demo/events-file.ts'
import { watchReceivers, type ReceiverRates } from './demo/receivers.ts'
import { sendRequests } from './demo/requests.ts'
import { currentScene, demoManifests, linkName, namespace, type Scene } from './demo/scene.ts'
import { summarise, type Outcome } from './demo/summary.ts'
import { arrivedAt, countOf, missingOf } from './demo/tally.ts'
import { endingSignals } from './ending-signals.ts'
import type { Io } from './io.ts'
import { tellConditions } from './local-screen.ts'
import { answerUsage } from './sidecar.ts'

const demoFlags = {
  events: { value: 'FILE', help: 'send the lines of this file in place of HTTP requests' },
  requests: { value: 'COUNT', help: 'how many HTTP requests to make; default 20000' },
  keep: { help: 'leave it running, and print where to look' },
  logs: { help: 'show what containers print' },
  help: { help: 'show this' },
} as const satisfies FlagTable

const startLimit = 40_000
const drainLimit = 30_000
const maxBatchOfFile = 100

/** Exit code 0 when every event arrived. */
export async function runDemo(args: string[], io: Io): Promise<number> {
  const flags = parseFlags(args, demoFlags)
  const total = Number(flags.get('requests') ?? 20_000)
  const problems = [...flags.problems]
  if (!Number.isInteger(total) || total < 1) {
    problems.push(`Expected \`--requests\` to be a number from 1 up, got ${flags.get('requests')}`)
  }
  const answered = answerUsage('demo', args, demoFlags, problems, io)
  if (answered !== undefined) return answered

  const began = performance.now()
  const tell = (line: string): void => {
    const seconds = ((performance.now() - began) / 1000).toFixed(1).padStart(5)
    io.stdout.write(`${seconds} s  ${line}\n`)
  }
  const file = flags.get('events')
  const signals = endingSignals()
  tell('starting deploy/examples: two web pods, three indexer pods, one LogstashLink')
  const local = await createLocal({
    manifests: await demoManifests(file === undefined ? undefined : maxBatchOfFile),
    log: createLog({ program: 'demo', level: 'Error' }),
    registry: createMetrics({ program: 'demo' }),
    ...(flags.has('logs') && { screen: tell }),
  })
  signals.onSecond(() => local.kill())
  const told = tellConditions(local.cluster, tell)
  const interrupted = signals.first.then((): Outcome | 'interrupted' => 'interrupted')
  try {
    const outcome = await Promise.race([interrupted, play(local, file, total, tell)])
    if (outcome === 'interrupted') return 130
    for (const line of summarise(outcome)) tell(line)
    if (flags.has('keep')) {
      for (const line of addresses(outcome.scene, local)) tell(line)
      await signals.first
    }
    return outcome.missing === 0 ? 0 : 1
  } finally {
    told.stop()
    await local.stop()
    signals.forget()
  }
}

async function play(
  local: Local,
  file: string | undefined,
  total: number,
  tell: (line: string) => void,
): Promise<Outcome> {
  const scene = await until(
    'all pods are ready and all senders know three receivers',
    startLimit,
    () => currentScene(local),
  )
  for (const { pod, url } of scene.indexers) tell(`receiver ${pod} at ${url.slice(7, -5)}:9800`)
  const rates = watchReceivers(scene.indexers.map(({ health }) => health))
  const urls = scene.indexers.map(({ url }) => url)
  const began = performance.now()
  if (file !== undefined) {
    tell(`sending the lines of ${file}, in batches of at most ${maxBatchOfFile}`)
    const run = sendFile(
      file,
      scene.web.map(({ collect }) => collect),
    )
    await showing(run.done, rates, () => `${run.sent()} lines taken by the senders`, tell)
    const seconds = (performance.now() - began) / 1000
    const missing = await untilNone(async () => missingOf(run.expected, await arrivedAt(urls)))
    return {
      scene,
      sent: run.sent(),
      missing,
      seconds,
      counts: await counts(scene),
      restarted: undefined,
    }
  }
  tell(`making ${total} HTTP requests to the web pods`)
  const run = sendRequests(
    scene.web.map(({ url }) => url),
    total,
  )
  const show = (): string => `${run.answered()} requests answered`
  const killing = killReceiver(local, scene, () => run.answered() >= total * 0.4, tell)
  // Whichever fails first is the reason; the other must not go unheard meanwhile.
  await showing(Promise.all([run.done, killing]), rates, show, tell)
  const seconds = (performance.now() - began) / 1000
  const missing = await untilNone(async () => total - (await arrivedAt(urls)).lines.size)
  return {
    scene,
    sent: total,
    missing,
    seconds,
    counts: await counts(scene),
    restarted: await killing,
  }
}

async function killReceiver(
  local: Local,
  scene: Scene,
  isTime: () => boolean,
  tell: (line: string) => void,
): Promise<string> {
  while (!isTime()) await delay(20)
  const container = sidecarName(linkName, 'receiver')
  const victim = local
    .processes()
    .find((each) => each.container === container && each.pod.endsWith(scene.indexers[0]?.pod ?? ''))
  if (victim === undefined) throw new TerminalError('LSL_DEMO_STUCK', ['no receiver runs', 0])
  tell(`kill -9 ${victim.pid}, the receiver of ${victim.pod}`)
  process.kill(victim.pid, 'SIGKILL')
  const name = victim.pod.split('/')[1] ?? ''
  await until('the killed receiver is ready again', startLimit, async () => {
    const pod = await local.cluster.get<Pod>({ ...podKind, namespace, name })
    const status = pod?.status?.initContainerStatuses?.find((each) => each.name === container)
    return status?.ready && status.restartCount > 0 ? status : undefined
  })
  tell(`the receiver of ${victim.pod} is back, as a new process`)
  return victim.pod
}

/** One line a second while the work goes on. */
async function showing(
  work: Promise<unknown>,
  rates: ReceiverRates,
  line: () => string,
  tell: (line: string) => void,
): Promise<void> {
  const ended = new AbortController()
  const watched = work.finally(() => ended.abort())
  const shown = (async () => {
    while (!ended.signal.aborted) {
      await delay(1000, undefined, { signal: ended.signal }).catch(() => undefined)
      const perReceiver = (await rates.look()).map((rate) => (rate === undefined ? 'down' : rate))
      tell(`${line()}; events/s by receiver: ${perReceiver.join('  ')}`)
    }
  })()
  await Promise.all([watched, shown])
}

async function counts(scene: Scene) {
  return Promise.all(scene.indexers.map(async ({ url }) => countOf(url)))
}

/** Zero as soon as nothing is missing any more; what is missing still when the time is over. */
async function untilNone(missing: () => Promise<number>): Promise<number> {
  const deadline = performance.now() + drainLimit
  for (;;) {
    const count = await missing()
    if (count <= 0 || performance.now() > deadline) return Math.max(0, count)
    await delay(200)
  }
}

async function until<T>(
  what: string,
  limit: number,
  attempt: () => Promise<T | undefined>,
): Promise<T> {
  const deadline = performance.now() + limit
  for (;;) {
    const result = await attempt()
    if (result !== undefined) return result
    if (performance.now() > deadline)
      throw new TerminalError('LSL_DEMO_STUCK', [what, limit / 1000])
    await delay(50)
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
