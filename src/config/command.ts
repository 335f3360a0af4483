/** What the command lines of receiver and sender have in common: settings by flags, or by a sidecar's file. */
import type { Placement } from '../api/sidecar-config.ts'

/** Either whole settings, or a file that is read (and read again) with `complete` making settings of what it says. */
export type SettingsFrom<File, Settings> =
  | { from: 'flags'; settings: Settings }
  | { from: 'file'; path: string; complete: (file: File) => Settings }

export interface Command<File, Settings> {
  source: SettingsFrom<File, Settings>
  placement: Placement
  /** Told apart from the default, which gives way when it is taken. */
  healthPortGiven: boolean
  /** Time to finish after SIGTERM, ms. */
  grace: number
  /** One sentence for each thing that is wrong; with any of them the rest means nothing. */
  problems: string[]
}

/** Flags that say where a sidecar listens go with --config (`allowed`), everything else contradicts it. */
export function refuseBesideConfig<N extends string>(
  flags: { has(name: N): boolean },
  table: Record<N, unknown>,
  allowed: readonly N[],
  problems: string[],
): void {
  for (const name of Object.keys(table) as N[]) {
    if (flags.has(name) && !allowed.includes(name)) {
      problems.push(`Expected \`--config\` alone to say this, got \`--config\` and \`--${name}\``)
    }
  }
}
