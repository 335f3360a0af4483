/** hosts.json as the operator writes it; a file that is no such thing is refused as a whole. */
import type { HostEntry, HostsFile } from '../../../api/sidecar-config.ts'
import { TerminalError, messageOf } from '../../../errors.ts'

/** Throws LSL_HOSTS_FILE_INVALID. Unknown fields are left alone: a newer operator may write more. */
export function parseHostsFile(text: string, path: string): HostsFile {
  let file: unknown
  try {
    file = JSON.parse(text)
  } catch (cause) {
    throw new TerminalError('LSL_HOSTS_FILE_INVALID', [path, messageOf(cause)], { cause })
  }
  if (!isRecord(file) || !Array.isArray(file['hosts'])) {
    throw new TerminalError('LSL_HOSTS_FILE_INVALID', [path, 'it holds no list `hosts`'])
  }
  const hosts: unknown[] = file['hosts']
  const bad = hosts.findIndex((entry) => !isHostEntry(entry))
  if (bad !== -1) {
    const got = JSON.stringify(hosts[bad])
    throw new TerminalError('LSL_HOSTS_FILE_INVALID', [
      path,
      `\`hosts[${bad}]\` is no host with port: ${got}`,
    ])
  }
  if (file['fallback'] !== undefined && !isHostEntry(file['fallback'])) {
    throw new TerminalError('LSL_HOSTS_FILE_INVALID', [path, '`fallback` is no host with port'])
  }
  return file as unknown as HostsFile
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

function isHostEntry(value: unknown): value is HostEntry {
  if (!isRecord(value)) return false
  const { host, port } = value
  return (
    typeof host === 'string' &&
    host !== '' &&
    typeof port === 'number' &&
    Number.isInteger(port) &&
    port >= 1 &&
    port <= 65_535
  )
}
