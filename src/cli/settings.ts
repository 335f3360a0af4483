/** Makes settings of a command line or of a sidecar's file, and keeps them up to date while the program runs. */
import { readFileSync } from 'node:fs'
import { dirname, isAbsolute, resolve } from 'node:path'
import type { SettingsFrom } from '../config/command.ts'
import { changeable, fixed, type Watched } from '../dataplane/files/watched.ts'
import { watchFiles } from '../dataplane/files/watch.ts'
import { messageOf } from '../errors.ts'
import type { Check } from '../telemetry/health.ts'
import type { Log } from '../telemetry/log.ts'

interface OpenSettings<Settings> {
  /** Resolves at once for flags; for a file when it is there and right. Rejects only when aborted. */
  ready: Promise<Watched<Settings>>
  /** Not ok while there is no right file, and while a changed file is not taken. */
  check: Check
  close(): void
}

/**
 * A sidecar's file may come later than its container (its volume is optional, so that it never keeps a pod from
 * starting), and a change may be wrong: then what was right before stays in force and the check says what is wrong.
 */
export function openSettings<File, Settings>(
  source: SettingsFrom<File, Settings>,
  parse: (text: string, path: string) => File,
  log: Log,
): OpenSettings<Settings> {
  if (source.from === 'flags') {
    return {
      ready: Promise.resolve(fixed(source.settings)),
      check: () => ({ ok: true, message: 'from the command line' }),
      close: () => undefined,
    }
  }
  const { path, complete } = source
  const { promise, resolve: found } = Promise.withResolvers<Watched<Settings>>()
  let settings: ReturnType<typeof changeable<Settings>> | undefined
  let problem: string | undefined = 'not read yet'

  const read = (): void => {
    try {
      const file = parse(readFileSync(path, 'utf8'), path)
      const value = complete(withAbsolutePaths(file, dirname(resolve(path))))
      problem = undefined
      if (settings === undefined) {
        settings = changeable(value)
        found(settings)
      } else {
        settings.set(value)
        log.info({ path }, 'Settings changed')
      }
    } catch (error) {
      if (problem !== messageOf(error)) log.warn({ path, err: error }, 'Settings are not taken')
      problem = messageOf(error)
    }
  }
  const watch = watchFiles([path], read, { log })
  read()
  return {
    ready: promise,
    check: () => ({ ok: problem === undefined, message: problem ?? `read from ${path}` }),
    close: () => watch.close(),
  }
}

/** Fields of sidecar.json that are paths, wherever they stand. */
const pathFields = new Set([
  'cert',
  'key',
  'keystore',
  'ca',
  'truststore',
  'file',
  'path',
  'directory',
])

/** Relative paths of the file count from its own folder, so that the folder may be mounted anywhere. */
function withAbsolutePaths<T>(value: T, folder: string): T {
  if (Array.isArray(value)) return value.map((each) => withAbsolutePaths(each, folder)) as T
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, field]) => [
      key,
      pathFields.has(key) && typeof field === 'string' && !isAbsolute(field)
        ? resolve(folder, field)
        : withAbsolutePaths(field, folder),
    ]),
  ) as T
}
