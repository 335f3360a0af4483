/** `logstash-link status`: the state of links as trees, once or again and again. */
import { setTimeout as delay } from 'node:timers/promises'
import { statusCommand, statusFlagTable, type StatusCommand } from '../config/status.ts'
import { messageOf } from '../errors.ts'
import { ClusterError } from '../kube/cluster.ts'
import { endingSignals } from './ending-signals.ts'
import type { Io } from './io.ts'
import type { Api } from './status/api.ts'
import { gather } from './status/gather.ts'
import { linkTree } from './status/link-tree.ts'
import { openApi } from './status/open-api.ts'
import { paintFor, surfaceOf, type Surface } from './status/paint.ts'
import { treeLines } from './status/tree.ts'
import type { LinkView } from './status/view.ts'
import { answerUsage } from './usage.ts'

/** Between two looks, ms. */
const pause = 2000

/**
 * Exit code 0 when all links are Ready, 1 when one is not, is not there or cannot be read, 2 for a command line that is
 * refused.
 */
export async function runStatus(args: string[], io: Io): Promise<number> {
  const command = statusCommand(args)
  const answered = answerUsage('status', args, statusFlagTable, command.problems, io, ' [NAME]')
  if (answered !== undefined) return answered
  const { api, namespace, close } = openApi(command.cluster, io.env)
  const where = {
    name: command.name,
    namespace: command.where.allNamespaces ? undefined : (command.where.namespace ?? namespace),
  }
  try {
    return command.watch
      ? await followUntilSignal(api, command, where, io)
      : await show((await gather(api, where)).views, command, where, io)
  } catch (error) {
    // An API server that is away, or says no, is no defect of ours: a sentence, and no stack.
    if (!(error instanceof ClusterError)) throw error
    io.stderr.write(`${messageOf(error)}\n`)
    return 1
  } finally {
    await close()
  }
}

type Where = Parameters<typeof gather>[1]

async function show(
  views: readonly LinkView[],
  { output }: StatusCommand,
  where: Where,
  io: Io,
): Promise<number> {
  const text =
    output === 'JSON' ? json(views) : screen(views, where, surfaceOf(io.stdout, io.env), Date.now())
  io.stdout.write(text)
  return exitCode(views, where)
}

async function followUntilSignal(
  api: Api,
  command: StatusCommand,
  where: Where,
  io: Io,
): Promise<number> {
  const signals = endingSignals()
  const ending = new AbortController()
  void signals.first.then(() => ending.abort())
  try {
    return await follow(api, command, where, io, ending.signal)
  } finally {
    signals.forget()
  }
}

/**
 * Prints what differs from the last print: on a terminal in its place, elsewhere below it. An API server that is away for a
 * while is told of once; what it refuses for good ends this, as ClusterError.
 */
export async function follow(
  api: Api,
  command: Pick<StatusCommand, 'output'>,
  where: Where,
  io: Io,
  ending: AbortSignal,
  pauseMs = pause,
): Promise<number> {
  let last = ''
  let views: LinkView[] | undefined
  while (!ending.aborted) {
    try {
      views = (await gather(api, where)).views
      const surface = surfaceOf(io.stdout, io.env)
      const text =
        command.output === 'JSON' ? json(views) : screen(views, where, surface, Date.now())
      if (text !== last) io.stdout.write(frame(text, command, surface))
      last = text
    } catch (error) {
      if (!(error instanceof ClusterError) || error.reason !== 'Unavailable') throw error
      const text = `${messageOf(error)}\n`
      if (text !== last) io.stderr.write(text)
      last = text
    }
    await delay(pauseMs, undefined, { signal: ending }).catch(() => undefined)
  }
  return views === undefined ? 1 : exitCode(views, where)
}

function frame(
  text: string,
  { output }: Pick<StatusCommand, 'output'>,
  { isTerminal }: Surface,
): string {
  if (output === 'JSON') return text
  return isTerminal ? `\u001b[H\u001b[2J${text}` : `# ${new Date().toISOString()}\n${text}`
}

function screen(
  views: readonly LinkView[],
  where: Where,
  { width, coloured }: Surface,
  now: number,
): string {
  if (views.length === 0) return `${nothing(where)}\n`
  const room = { width, paint: paintFor(coloured) }
  return `${views.map((view) => treeLines(linkTree(view, now), room).join('\n')).join('\n\n')}\n`
}

function nothing({ namespace, name }: Where): string {
  const place = namespace === undefined ? 'any namespace' : `namespace ${namespace}`
  return name === undefined ? `No LogstashLink in ${place}` : `No LogstashLink ${name} in ${place}`
}

function json(views: readonly LinkView[]): string {
  return `${JSON.stringify({ links: views }, null, 2)}\n`
}

/** No link at all is fine, unless one was named. */
function exitCode(views: readonly LinkView[], { name }: Where): number {
  if (views.length === 0) return name === undefined ? 0 : 1
  return views.every(({ ready }) => ready) ? 0 : 1
}
