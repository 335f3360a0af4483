/** `logstash-link check`: its flags. */
import {
  clusterChoice,
  clusterFlags,
  namespaceChoice,
  type ClusterChoice,
  type NamespaceChoice,
} from './cluster-flags.ts'
import { type FlagTable, parseFlags, show } from './flags.ts'
import { choiceFlag } from './values.ts'

export const checkFlagTable = {
  ...clusterFlags,
  namespace: { value: 'NS', short: 'n', help: 'links of this namespace alone; default: of all' },
  'operator-namespace': {
    value: 'NS',
    help: 'where the operator is; default: wherever it is found',
  },
  readyz: {
    value: 'URL',
    help: 'also asks this address, such as http://HOST:8080/readyz',
    repeat: true,
  },
  output: { value: 'FORMAT', short: 'o', help: 'text or json; default text' },
  help: { help: 'show this' },
} as const satisfies FlagTable

export interface CheckCommand {
  cluster: ClusterChoice
  where: NamespaceChoice
  operatorNamespace: string | undefined
  readyz: readonly string[]
  output: 'Text' | 'JSON'
  problems: string[]
}

export function checkCommand(args: readonly string[]): CheckCommand {
  const flags = parseFlags(args, checkFlagTable)
  const problems = [...flags.problems]
  const readyz = flags.all('readyz')
  for (const url of readyz) {
    if (!/^https?:$/.test(URL.parse(url)?.protocol ?? '')) {
      problems.push(`Expected \`--readyz\` to be an address of http or https, got ${show(url)}`)
    }
  }
  return {
    cluster: clusterChoice(flags),
    where: namespaceChoice(flags, problems),
    operatorNamespace: flags.get('operator-namespace'),
    readyz,
    output: choiceFlag(flags, 'output', ['Text', 'JSON'] as const, 'Text', problems),
    problems,
  }
}
