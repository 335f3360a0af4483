/** `logstash-link render`: its flags. */
import type { OperatorOptions } from '../api/operator-options.ts'
import { type FlagTable, parseFlags } from './flags.ts'
import { choiceFlag } from './values.ts'

export const renderFlagTable = {
  file: {
    value: 'FILE',
    short: 'f',
    help: 'manifests with links: a file, a folder, or - for standard input; pods and workloads in them are shown with their sidecars',
    repeat: true,
  },
  pod: {
    value: 'FILE',
    help: 'manifests of more pods and workloads to show with their sidecars',
    repeat: true,
  },
  namespace: { value: 'NS', short: 'n', help: 'of objects that name none; default: default' },
  only: { value: 'PART', help: 'objects: what the operator applies; pods: the previews of pods' },
  output: { value: 'FORMAT', short: 'o', help: 'yaml or json; default yaml' },
  image: {
    value: 'IMAGE',
    help: 'of the sidecars, as the operator is told; default logstash-link',
  },
  'cluster-domain': { value: 'DOMAIN', help: 'of the cluster; default cluster.local' },
  help: { help: 'show this' },
} as const satisfies FlagTable

export interface RenderCommand {
  files: readonly string[]
  podFiles: readonly string[]
  namespace: string
  only: 'Objects' | 'Pods' | 'All'
  output: 'YAML' | 'JSON'
  options: OperatorOptions
  problems: string[]
}

/** More files may follow the first, as a shell's pattern makes them. */
const maxFiles = 1000

export function renderCommand(args: readonly string[]): RenderCommand {
  const flags = parseFlags(args, renderFlagTable, maxFiles)
  const problems = [...flags.problems]
  const files = [...flags.all('file'), ...flags.operands]
  if (files.length === 0) problems.push('Expected `--file` to name manifests, got none')
  const only = flags.has('only')
    ? choiceFlag(flags, 'only', ['Objects', 'Pods'] as const, 'Objects', problems)
    : 'All'
  return {
    files,
    podFiles: flags.all('pod'),
    namespace: flags.get('namespace') ?? 'default',
    only,
    output: choiceFlag(flags, 'output', ['YAML', 'JSON'] as const, 'YAML', problems),
    options: {
      image: flags.get('image') ?? 'logstash-link',
      clusterDomain: flags.get('cluster-domain') ?? 'cluster.local',
    },
    problems,
  }
}
