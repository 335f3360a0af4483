/** hosts.json as the operator writes it; a file that is no such thing is refused as a whole. */
import type { HostsFile } from '../../../api/sidecar-config.ts'
import { parseHostsFile } from '../../../api/sidecar-schema.ts'
import { TerminalError, messageOf } from '../../../errors.ts'

/** Throws LSL_HOSTS_FILE_INVALID. Unknown fields are left out: a newer operator may write more. */
export function readHosts(text: string, path: string): HostsFile {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (cause) {
    throw new TerminalError('LSL_HOSTS_FILE_INVALID', [path, messageOf(cause)], { cause })
  }
  const result = parseHostsFile(knownOf(json))
  if ('value' in result) return result.value
  const problems = result.problems.map(({ message }) => message)
  throw new TerminalError('LSL_HOSTS_FILE_INVALID', [path, problems.join('; ')])
}

function knownOf(json: unknown): unknown {
  const file = pick(json, ['revision', 'hosts', 'serverName', 'fallback', 'nodeZones'])
  if (!isRecord(file) || !Array.isArray(file['hosts'])) return file
  return { ...file, hosts: file['hosts'].map((host) => pick(host, ['host', 'port', 'zone'])) }
}

function pick(value: unknown, names: readonly string[]): unknown {
  if (!isRecord(value)) return value
  return Object.fromEntries(
    names.filter((name) => name in value).map((name) => [name, value[name]]),
  )
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
