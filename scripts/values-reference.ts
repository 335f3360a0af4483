/** The table of the chart's values at the end of docs/install.md, from values.yaml and its comments. */
import { readFileSync } from 'node:fs'
import { isMap, isScalar, parseDocument, type YAMLMap } from 'yaml'

const mark = '## Values\n'

/** docs/install.md, its last section replaced. */
export function installPage(): string {
  const page = read('../docs/install.md')
  const end = page.indexOf(mark)
  if (end < 0) throw new Error(`docs/install.md has no line ${JSON.stringify(mark)}`)
  const rows = documentedValues().map(
    ({ path, initial, text }) => `| \`${path}\` | \`${initial}\` | ${text} |`,
  )
  const head =
    'Generated from values.yaml by `npm run generate`.\n\n| value | default | what |\n|---|---|---|'
  return `${page.slice(0, end)}${mark}\n${head}\n${rows.join('\n')}\n`
}

interface Value {
  path: string
  /** As JSON. */
  initial: string
  text: string
}

/** In the order of the file: each key whose comment begins with `--`. */
function documentedValues(): Value[] {
  const { contents } = parseDocument(read('../charts/logstash-link/values.yaml'))
  if (!isMap(contents)) throw new Error('Expected values.yaml to hold a map')
  return valuesIn(contents, [])
}

function valuesIn(map: YAMLMap, above: string[]): Value[] {
  return map.items.flatMap(({ key, value }, index) => {
    if (!isScalar(key)) return []
    const path = [...above, String(key.value)]
    // The comment before the first key of a map is kept with the map.
    const comment = key.commentBefore ?? (index === 0 ? map.commentBefore : undefined) ?? ''
    const text = comment.split(/^ ?-- /m)[1]
    const nested = isMap(value) ? valuesIn(value, path) : []
    if (text === undefined || nested.length > 0) return nested
    const initial = JSON.stringify((value as { toJSON(): unknown }).toJSON())
    return [{ path: path.join('.'), initial, text: text.replaceAll(/\n ?/g, ' ').trim() }]
  })
}

function read(path: string): string {
  return readFileSync(new URL(path, import.meta.url), 'utf8')
}
