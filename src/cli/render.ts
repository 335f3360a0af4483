/** `logstash-link render`: what the operator would apply for the links of some files, without a cluster. */
import { text } from 'node:stream/consumers'
import { stringify } from 'yaml'
import type { KubeObject } from '../api/objects.ts'
import { parseLink } from '../api/validate.ts'
import { renderCommand, renderFlagTable } from '../config/render.ts'
import { type ManifestRules, readManifests } from '../local/manifests.ts'
import type { Io } from './io.ts'
import { isLink, renderAll, type Rendered } from './render-objects.ts'
import { answerUsage } from './usage.ts'

/**
 * Exit code 0 when all was rendered, 1 when the operator would not do some of it, 2 for a command line that is refused.
 * Manifests that are refused are thrown, all problems together.
 */
export async function runRender(args: string[], io: Io): Promise<number> {
  const command = renderCommand(args)
  const answered = answerUsage('render', args, renderFlagTable, command.problems, io, ' [FILE…]')
  if (answered !== undefined) return answered

  const { files, podFiles, options, only, output, namespace } = command
  const paths = [...new Set([...files, ...podFiles])]
  const objects = await readManifests(paths, () => text(io.stdin), rulesFor(namespace))
  const rendered = renderAll({ objects, options, now: new Date().toISOString() })
  const wanted = [
    ...(only === 'Pods' ? [] : rendered.objects),
    ...(only === 'Objects' ? [] : rendered.pods),
  ]
  io.stdout.write(output === 'JSON' ? asJson(wanted) : asYaml(wanted))
  for (const problem of rendered.problems) io.stderr.write(`${problem}\n`)
  if (!objects.some(isLink)) io.stderr.write('No LogstashLink in the files: nothing to render\n')
  return rendered.problems.length === 0 ? 0 : 1
}

/** Any kind may stand in the files: only links are checked, the API server has the word on all others. */
function rulesFor(fallback: string): ManifestRules {
  return {
    purpose: 'render',
    check: (object) => {
      if (!isLink(object)) return []
      const { problems = [] } = parseLink(object)
      return problems.map(({ message }) => `${object.kind} ${object.metadata.name}: ${message}`)
    },
    inNamespace: (object) => ({
      ...object,
      metadata: { ...object.metadata, namespace: object.metadata.namespace ?? fallback },
    }),
    rankOf: () => 0,
  }
}

function asYaml(rendered: readonly Rendered[]): string {
  return rendered
    .map(({ notes, object }) => {
      const comments = notes.map((note) => `# ${note.replaceAll('\n', ' ')}\n`).join('')
      return `---\n${comments}${stringify(object, { lineWidth: 0, aliasDuplicateObjects: false })}`
    })
    .join('')
}

function asJson(rendered: readonly Rendered[]): string {
  const items: KubeObject[] = rendered.map(({ object }) => object)
  return `${JSON.stringify({ apiVersion: 'v1', kind: 'List', items }, null, 2)}\n`
}
