/** `logstash-link status`: the state of links as trees, once or again and again. */
import { setTimeout as delay } from 'node:timers/promises'
import { statusCommand, statusFlagTable, type StatusCommand } from '../config/status.ts'
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

/** Exit code 0 when all links are Ready, 1 when one is not or is not there, 2 for a command line that is refused. */
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
      ? await follow(api, command, where, io)
      : await show((await gather(api, where)).views, command, where, io)
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

/** Prints what differs from the last print: on a terminal in its place, elsewhere below it. */
async function follow(api: Api, command: StatusCommand, where: Where, io: Io): Promise<number> {
  const signals = endingSignals()
  const ending = new AbortController()
  void signals.first.then(() => ending.abort())
  let last = ''
  let views: LinkView[] = []
  try {
    while (!ending.signal.aborted) {
      views = (await gather(api, where)).views
      const surface = surfaceOf(io.stdout, io.env)
      const text =
        command.output === 'JSON' ? json(views) : screen(views, where, surface, Date.now())
      if (text !== last) io.stdout.write(frame(text, command, surface))
      last = text
      await delay(pause, undefined, { signal: ending.signal }).catch(() => undefined)
    }
    return exitCode(views, where)
  } finally {
    signals.forget()
  }
}

function frame(text: string, { output }: StatusCommand, { isTerminal }: Surface): string {
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
