/** Looks at all folders, each second and soon after something was heard, and takes up what is found. */
import { dirname } from 'node:path'
import type { Log } from '../../../../telemetry/log.ts'
import type { Time } from '../../../time.ts'
import { findFiles, isHidden } from './find.ts'
import type { Formers } from './formers.ts'
import type { Step } from './glob.ts'
import type { Identity } from './identity.ts'
import type { TailLimits } from './limits.ts'
import type { OwnFiles } from './own-files.ts'
import { statsOf } from './reading.ts'
import type { Report } from './report.ts'
import type { Roster } from './roster.ts'
import type { TailedFile } from './tailed-file.ts'
import { createWatches } from './watches.ts'

export interface Discovery {
  /** When it is time for the next. */
  at(): number
  isFirst(): boolean
  scan(): Promise<void>
  soon(): void
  /** Whether it is heard of at once when this file changes. */
  hears(file: TailedFile): boolean
  close(): void
}

export interface DiscoveryDeps {
  globs: readonly (readonly Step[])[]
  limits: TailLimits
  time: Time
  log: Log
  roster: Roster
  formers: Formers
  identity: Identity
  own: OwnFiles
  report: Report
  /** It is to be looked at from that time on. */
  ask(this: void, file: TailedFile, at: number): void
  /** Does something with a file whatever may go wrong with it. */
  guarded(this: void, file: TailedFile, step: () => Promise<void>): Promise<void>
  /** What was truncated and has no copy. */
  onExpired(this: void, former: TailedFile): void
  wake(this: void): void
}

/** Milliseconds between two looks at one file, and between two at all folders however much happens there. */
const lookInterval = 10
const scanInterval = 100
/** Thousands of files take longer to look at; then there is as much time between, yet never more than this, ms. */
const longestPause = 1_000

export function createDiscovery(deps: DiscoveryDeps): Discovery {
  const { globs, limits, time, log, roster, formers, identity, own, report } = deps
  let scans = 0
  let at = time.now()
  let scannedAt = Number.NEGATIVE_INFINITY
  let took = 0

  const watches = createWatches({
    log,
    now: time.now,
    onChange(path, comesOrGoes) {
      const file = roster.byPath(path)
      if (comesOrGoes) soon()
      else if (file) {
        file.isHeard = true
        deps.ask(file, Math.max(time.now(), file.lookedAt + lookInterval))
      } else return
      deps.wake()
    },
    onNoise(folder) {
      // The next scan listens again: what comes and goes meanwhile must not wait for a second.
      soon()
      for (const file of roster.files.values()) {
        if (dirname(file.path) === folder) deps.ask(file, time.now() + lookInterval)
      }
    },
  })

  function soon(): void {
    at = Math.min(at, scannedAt + Math.max(scanInterval, Math.min(took, longestPause)))
  }

  /** Opens it at once, so that it can be read even if it is deleted while the queue has no room. */
  async function meet(file: TailedFile): Promise<void> {
    await deps.guarded(file, async () => {
      const handle = await identity.open(file)
      if (typeof handle === 'string') return
      await identity.takeStock(file, handle)
      if (file.goneAt === undefined || file.isSaidGone) return
      file.isSaidGone = true
      report.rotated(statsOf(handle).nlink === 0n ? 'deleted' : 'moved', file.path)
    })
    deps.ask(file, time.now())
  }

  return {
    at: () => at,
    isFirst: () => scans === 0,
    soon,
    async scan() {
      const since = time.now()
      formers.beginScan()
      const found = await findFiles(globs)
      own.leaveOut(found)
      took = time.now() - since
      report.problems(found.problems)
      const changed = new Set(roster.apply(found))
      for (const file of roster.files.values()) if (file.phase === 'suspect') changed.add(file)
      for (const file of changed) await meet(file)
      const expired = formers.endScan(({ path }) => isHidden(path, found))
      for (const file of expired) deps.onExpired(file)
      watches.follow(found.folders)
      scans += 1
      scannedAt = time.now()
      at = scannedAt + limits.interval
    },
    hears: ({ isHeard, path }) => isHeard && watches.hears(dirname(path)),
    close: () => watches.close(),
  }
}
