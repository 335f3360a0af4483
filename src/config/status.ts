/** `logstash-link status`: its flags. */
import {
  clusterChoice,
  clusterFlags,
  namespaceChoice,
  type ClusterChoice,
  type NamespaceChoice,
} from './cluster-flags.ts'
import { type FlagTable, parseFlags } from './flags.ts'
import { choiceFlag } from './values.ts'

export const statusFlagTable = {
  ...clusterFlags,
  output: { value: 'FORMAT', short: 'o', help: 'tree or json; default tree' },
  watch: { short: 'w', help: 'again whenever something changes, until Ctrl-C' },
  help: { help: 'show this' },
} as const satisfies FlagTable

export interface StatusCommand {
  cluster: ClusterChoice
  where: NamespaceChoice
  name: string | undefined
  output: 'Tree' | 'JSON'
  watch: boolean
  problems: string[]
}

export function statusCommand(args: readonly string[]): StatusCommand {
  const flags = parseFlags(args, statusFlagTable, 1)
  const problems = [...flags.problems]
  const where = namespaceChoice(flags, problems)
  const [name] = flags.operands
  if (name !== undefined && where.allNamespaces) {
    problems.push('Expected the name of a link or `--all-namespaces`, got both')
  }
  return {
    cluster: clusterChoice(flags),
    where,
    name,
    output: choiceFlag(flags, 'output', ['Tree', 'JSON'] as const, 'Tree', problems),
    watch: flags.has('watch'),
    problems,
  }
}
