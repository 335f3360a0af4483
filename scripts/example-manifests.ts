/** The manifests of deploy/examples with the sources of their applications in a ConfigMap, so that plain `kubectl apply` runs them. */
import { readFileSync } from 'node:fs'

const mark = '  main.mjs: |\n'

/** The manifest as it stands, its last document's `main.mjs` replaced by the source. */
export function renderExample(name: string): string {
  const manifest = read(`${name}.yaml`)
  const end = manifest.indexOf(mark)
  if (end < 0) throw new Error(`deploy/examples/${name}.yaml has no line ${JSON.stringify(mark)}`)
  const source = read(`apps/${name}.mjs`)
  return manifest.slice(0, end + mark.length) + source.replace(/^(?=.)/gm, '    ')
}

function read(path: string): string {
  return readFileSync(new URL(`../deploy/examples/${path}`, import.meta.url), 'utf8')
}
