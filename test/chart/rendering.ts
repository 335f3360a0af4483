/** The chart as helm renders it, parsed. */
import { parseAllDocuments } from 'yaml'
import { chartFolder, findHelm, runHelm } from '../../scripts/helm.ts'
import type { KubeObject } from '../../src/api/objects.ts'

const helm = findHelm()
/** For a test's options: one line in place of a suite where there is no helm. */
export const skip = helm === undefined ? 'no helm: npm run cluster builds it' : false

export type Values = Record<string, unknown>

/** Renders as release `rel` in namespace `ns`. Throws with what helm says where it refuses. */
export function render(values: Values = {}, args: readonly string[] = []): KubeObject[] {
  const all = ['template', 'rel', chartFolder, '--namespace', 'ns', '--values', '-', ...args]
  const text = runHelm(helm ?? 'helm', all, JSON.stringify(values))
  return parseAllDocuments(text)
    .map((document) => document.toJS() as KubeObject | null)
    .filter((object) => object !== null)
}

export function helmLint(): string {
  return runHelm(helm ?? 'helm', ['lint', '--strict', chartFolder])
}

/** The one object of a kind (and name); throws where there are none or several. */
export function only(objects: readonly KubeObject[], kind: string, name?: string): KubeObject {
  const found = objects.filter(
    (object) => object.kind === kind && (name === undefined || object.metadata.name === name),
  )
  const [object] = found
  if (object === undefined || found.length > 1) throw new Error(`${found.length} objects ${kind}`)
  return object
}

export function kindsOf(objects: readonly KubeObject[]): string[] {
  return objects.map(({ kind, metadata }) => `${kind}/${metadata.name}`)
}
