/** deploy/logstash-link.yaml: the chart with its default values, for those who install by kubectl alone. */
import { parseAllDocuments, stringify, type Document } from 'yaml'
import { chartFolder, runHelm } from './helm.ts'

export const plainManifestsFile = 'deploy/logstash-link.yaml'

const name = 'logstash-link'
const namespace = 'logstash-link-system'
/** What only Helm means something by. */
const labelsOfHelm = ['app.kubernetes.io/managed-by', 'helm.sh/chart']
/** One that is there already, as any, is left as it is by `kubectl apply` but for these labels. */
const namespaceObject = {
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: {
    name: namespace,
    labels: {
      'app.kubernetes.io/part-of': name,
      'pod-security.kubernetes.io/enforce': 'restricted',
    },
  },
}

/** @param helm path of the program */
export function plainManifests(helm: string): string {
  // Of a version that has everything, whatever helm's own default is.
  const args = ['template', name, chartFolder, '--namespace', namespace, '--skip-tests']
  const rendered = runHelm(helm, [...args, '--kube-version', '1.34.0', '--set', 'crds.keep=false'])
  const documents = parseAllDocuments(rendered) as Document[]
  const objects = documents.filter(({ contents }) => contents !== null).map(withoutHelm)
  // The CRD first: kubectl applies in the order of the file.
  const sorted = [...objects.filter(isCrd), ...objects.filter((text) => !isCrd(text))]
  return [
    '# Rendered from charts/logstash-link by npm run generate. Install: kubectl apply --server-side -f FILE\n',
    ...[stringify(namespaceObject), ...sorted].map((text) => `---\n${text}`),
  ].join('')
}

function isCrd(text: string): boolean {
  return text.includes('\nkind: CustomResourceDefinition\n')
}

function withoutHelm(document: Document): string {
  document.commentBefore = null
  for (const labels of [
    ['metadata', 'labels'],
    ['spec', 'template', 'metadata', 'labels'],
  ]) {
    for (const label of labelsOfHelm) {
      if (document.hasIn([...labels, label])) document.deleteIn([...labels, label])
    }
  }
  return String(document).replace(/^---\n/, '')
}
