/** Where a program of the data plane listens: flags, and what `local` says in the environment. */
import { environment } from '../api/names.ts'
import type { Placement } from '../api/sidecar-config.ts'
import { portFlag } from './values.ts'

export type Environment = Readonly<Record<string, string | undefined>>

/**
 * `host` is for others, `loopback` for the pod's own application. An address that `local` gave to the pod takes the place
 * of both. A sidecar, which has its settings from a file, is asked at whatever addresses its pod has.
 */
export function placementFrom(
  flags: { get(name: 'host' | 'health-port' | 'config'): string | undefined },
  env: Environment,
  healthPort: number,
  problems: string[],
): Placement {
  const podAddress = env[environment.podAddress]
  return {
    host: flags.get('host') ?? podAddress ?? (flags.get('config') === undefined ? '0.0.0.0' : ''),
    loopback: podAddress ?? '127.0.0.1',
    healthPort: portFlag(flags, 'health-port', healthPort, problems),
  }
}

/** A port that was given for events cannot be the health port as well. */
export function portsDiffer<N extends string>(
  flags: { get(name: N | 'health-port'): string | undefined },
  names: readonly N[],
  problems: string[],
): void {
  const health = flags.get('health-port')
  if (health === undefined || health === '0') return
  for (const name of names) {
    if (flags.get(name) === health) {
      problems.push(
        `Expected \`--${name}\` and \`--health-port\` to be two ports, got ${health} for both`,
      )
    }
  }
}
