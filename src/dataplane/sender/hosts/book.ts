/**
 * The hosts that the sender knows now: read from hosts.json (again after each change) or given as a list, names resolved
 * to all their addresses each 30 s and when hosts fail. When all known hosts fail, the fallback name is resolved too, so
 * that receivers may roll while the operator is away. An empty list keeps what was known last.
 */
import { readFile } from 'node:fs/promises'
import type { HostsFile, SenderFile } from '../../../api/sidecar-config.ts'
import { messageOf } from '../../../errors.ts'
import type { Log } from '../../../telemetry/log.ts'
import { watchFiles } from '../../files/watch.ts'
import { readHosts } from './hosts-file.ts'
import { hasNames, resolveTargets, type Lookup, type Target } from './targets.ts'

export interface HostBook {
  targets(): readonly Target[]
  /** Name to verify in place of each host's own, from hosts.json. */
  serverName(): string | undefined
  zoneOf(node: string | undefined): string | undefined
  problem(): string | undefined
  /** Hosts fail: names are looked up again, at most once in 2 s; `all` asks the fallback name too. */
  failing(all: boolean): void
  close(): void
}

const resolveEvery = 30_000
const resolveAgainAfter = 2_000

export async function openHostBook(
  source: SenderFile['hosts'],
  deps: { log: Log; lookup: Lookup; now: () => number; onChange: () => void },
): Promise<HostBook> {
  const { log, lookup, now, onChange } = deps
  let file: HostsFile = { revision: '', hosts: [] }
  let known: Target[] = []
  let extra: Target[] = []
  let readProblem: string | undefined
  let resolveProblem: string | undefined
  let usesFallback = false
  let resolvedAt = Number.NEGATIVE_INFINITY
  let running: Promise<void> = Promise.resolve()
  let closed = false

  async function read(): Promise<void> {
    if (!('file' in source)) {
      file = { revision: '', hosts: source.list }
      return
    }
    try {
      const next = readHosts(await readFile(source.file, 'utf8'), source.file)
      readProblem = next.hosts.length === 0 ? 'The list of hosts is empty' : undefined
      file = next.hosts.length === 0 ? { ...next, hosts: file.hosts } : next
      usesFallback = false
      log.info({ revision: next.revision, hosts: next.hosts.length }, 'Read the list of hosts')
    } catch (error) {
      readProblem = messageOf(error)
      log.warn(
        { err: error, file: source.file },
        'Cannot read the list of hosts; the last one stays',
      )
    }
  }

  async function resolve(): Promise<void> {
    resolvedAt = now()
    const found = await resolveTargets(file.hosts, lookup, known)
    const fallback = usesFallback && file.fallback ? [file.fallback] : []
    const more = await resolveTargets(fallback, lookup, extra)
    if (closed) return
    if (found.problem !== undefined && found.problem !== resolveProblem) {
      log.warn({ problem: found.problem }, 'Some host names cannot be resolved')
    }
    resolveProblem = found.problem
    // A name that gives nothing is no reason to forget where it was.
    if (found.targets.length > 0 || file.hosts.length === 0) known = found.targets
    const ids = new Set(known.map(({ id }) => id))
    extra = more.targets.filter(({ id }) => !ids.has(id))
    onChange()
  }

  /** One after the other, so that an older answer never replaces a newer one. */
  function enqueue(work: () => Promise<void>): Promise<void> {
    running = running.then(async () => {
      if (!closed) await work()
    })
    return running
  }

  async function reload(): Promise<void> {
    await read()
    await resolve()
  }

  const watch =
    'file' in source
      ? watchFiles([source.file], () => void enqueue(reload), { log })
      : { close: () => undefined }
  const timer = setInterval(() => {
    if (hasNames(file.hosts) || usesFallback) void enqueue(resolve)
  }, resolveEvery)
  timer.unref()
  await enqueue(reload)

  return {
    targets: () => [...known, ...extra],
    serverName: () => file.serverName || undefined,
    zoneOf: (node) => (node === undefined ? undefined : file.nodeZones?.[node]),
    problem: () => readProblem ?? resolveProblem,
    failing(all) {
      const needsFallback = all && file.fallback !== undefined && !usesFallback
      if (needsFallback) {
        usesFallback = true
        log.warn({ name: file.fallback?.host }, 'All known hosts fail; asking the fallback name')
      }
      const stale = now() - resolvedAt >= resolveAgainAfter
      if (needsFallback || (stale && (usesFallback || hasNames(file.hosts)))) void enqueue(resolve)
    },
    close() {
      closed = true
      watch.close()
      clearInterval(timer)
    },
  }
}
