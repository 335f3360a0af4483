/** Flags of the programs that ask a cluster as its user: which cluster, which namespace. */
import type { FlagTable, Flags } from './flags.ts'

export const clusterFlags = {
  namespace: { value: 'NS', short: 'n', help: 'default: the namespace of the kubeconfig' },
  'all-namespaces': { short: 'A', help: 'links of all namespaces' },
  kubeconfig: {
    value: 'FILE',
    help: 'default: $KUBECONFIG, ~/.kube/config, or in a pod its service account',
  },
  context: { value: 'NAME', help: 'of the kubeconfig; default: its current one' },
} as const satisfies FlagTable

export interface ClusterChoice {
  kubeconfig?: string
  context?: string
}

export interface NamespaceChoice {
  /** As given; undefined means the kubeconfig's, unless all are meant. */
  namespace?: string
  allNamespaces: boolean
}

/** The flags of any program whose table holds these. */
type ClusterFlags = Pick<Flags<typeof clusterFlags>, 'get' | 'has'>

export function clusterChoice(flags: ClusterFlags): ClusterChoice {
  const [kubeconfig, context] = [flags.get('kubeconfig'), flags.get('context')]
  return {
    ...(kubeconfig === undefined ? {} : { kubeconfig }),
    ...(context === undefined ? {} : { context }),
  }
}

export function namespaceChoice(flags: ClusterFlags, problems: string[]): NamespaceChoice {
  const namespace = flags.get('namespace')
  const allNamespaces = flags.has('all-namespaces')
  if (namespace !== undefined && allNamespaces) {
    problems.push('Expected `--namespace` or `--all-namespaces`, got both')
  }
  return { allNamespaces, ...(namespace === undefined ? {} : { namespace }) }
}
