/** The demo's plot: wait for the stage, send, kill a receiver on the way, count what arrived. */
import { setTimeout as delay } from 'node:timers/promises'
import { TerminalError } from '../../errors.ts'
import { sidecarName } from '../../api/names.ts'
import type { Local } from '../../local/local.ts'
import { podKind, type Pod } from '../../local/pod.ts'
import { sendFile } from './events-file.ts'
import { watchReceivers } from './receivers.ts'
import { sendRequests, type Amount } from './requests.ts'
import { currentScene, linkName, namespace, type Scene } from './scene.ts'
import type { Outcome } from './summary.ts'
import { arrivedAt, countOf, missingOf } from './tally.ts'
import { until, untilNone } from './waiting.ts'

export const maxBatchOfFile = 100
const startLimit = 40_000
/** Share of the requests, or of the time, after which a receiver is killed. */
const killAfter = 0.4

export interface Play {
  local: Local
  /** Its lines are sent in place of HTTP requests. */
  file: string | undefined
  /** HTTP requests to make. */
  amount: Amount
  tell: (line: string) => void
  /** Tells the link's conditions as they are now. */
  tellLink: () => Promise<void>
  /** Ends it: it rejects then. */
  signal: AbortSignal
}

/** From the start of the pods until everything that was sent has arrived, or is missing for too long. */
export async function play(stage: Play): Promise<Outcome> {
  const { local, signal } = stage
  const scene = await until(
    'the link is Ready and all senders know three receivers',
    startLimit,
    signal,
    () => currentScene(local),
  )
  await stage.tellLink()
  for (const { pod, url } of scene.indexers) stage.tell(`indexer ${pod} at ${url}`)
  const began = performance.now()
  const { sent, missing, restarted } =
    stage.file === undefined
      ? await playRequests(stage, scene)
      : await playFile(stage, scene, stage.file)
  const seconds = (performance.now() - began) / 1000
  const counts = await Promise.all(scene.indexers.map(async ({ url }) => countOf(url)))
  return { scene, sent, missing, seconds, counts, restarted }
}

type Played = Pick<Outcome, 'sent' | 'missing' | 'restarted'>

async function playFile({ tell, signal }: Play, scene: Scene, file: string): Promise<Played> {
  tell(`sending the lines of ${file}, in batches of at most ${maxBatchOfFile}`)
  const run = sendFile(
    file,
    scene.web.map(({ collect }) => collect),
    signal,
  )
  await showing(run.done, scene, () => `${run.sent()} lines taken by the senders`, tell)
  const arrived = async () => arrivedAt(scene.indexers.map(({ url }) => url))
  const missing = await untilNone(async () => missingOf(run.expected, await arrived()), signal)
  return { sent: run.sent(), missing, restarted: undefined }
}

async function playRequests(stage: Play, scene: Scene): Promise<Played> {
  const { amount, tell, signal } = stage
  const { total, limitMs } = amount
  const time = Number.isFinite(limitMs) ? `, for at most ${limitMs / 1000} s` : ''
  tell(`making ${total} HTTP requests to the web pods${time}`)
  const run = sendRequests(
    scene.web.map(({ url }) => url),
    amount,
    signal,
  )
  const killAt = performance.now() + limitMs * killAfter
  const isTime = (): boolean => run.answered() >= total * killAfter || performance.now() > killAt
  const killing = killReceiver(stage, scene, isTime)
  const work = Promise.all([run.done, killing])
  await showing(work, scene, () => `${run.answered()} requests answered`, tell)
  const arrived = async () => arrivedAt(scene.indexers.map(({ url }) => url))
  // Each request made one event of its own.
  const missing = await untilNone(async () => run.answered() - (await arrived()).lines.size, signal)
  return { sent: run.answered(), missing, restarted: await killing }
}

async function killReceiver(
  { local, tell, signal }: Play,
  scene: Scene,
  isTime: () => boolean,
): Promise<string> {
  while (!isTime()) await delay(20, undefined, { signal })
  const container = sidecarName(linkName, 'receiver')
  const victim = local
    .processes()
    .find((each) => each.container === container && each.pod.endsWith(scene.indexers[0]?.pod ?? ''))
  if (victim === undefined) throw new TerminalError('LSL_DEMO_STUCK', ['no receiver runs', 0])
  tell(`kill -9 ${victim.pid}, the receiver of ${victim.pod}`)
  process.kill(victim.pid, 'SIGKILL')
  const name = victim.pod.split('/')[1] ?? ''
  await until('the killed receiver is ready again', startLimit, signal, async () => {
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
  scene: Scene,
  line: () => string,
  tell: (line: string) => void,
): Promise<void> {
  const rates = watchReceivers(scene.indexers.map(({ health }) => health))
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
