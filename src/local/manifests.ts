/** Reads manifests: files, folders or standard input, of many YAML or JSON documents each; every problem in one error. */
import { readdir, readFile, stat } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { type Document, LineCounter, parseAllDocuments } from 'yaml'
import { messageOf, TerminalError } from '../errors.ts'
import { keyOf, type KubeObject } from '../api/objects.ts'
import { checkObject, inNamespace, rankOf } from './known-kinds.ts'

/** What whoever reads manifests wants of their objects. */
export interface ManifestRules {
  /** `Nothing to …`, where there is no object at all. */
  purpose: string
  /** Sentences for what is wrong with one. */
  check(object: KubeObject): string[]
  /** With the namespace that an object gets which names none. */
  inNamespace(object: KubeObject): KubeObject
  /** Place in the order of applying. */
  rankOf(object: KubeObject): number
}

/** All that `local` does not know is refused. */
const localRules: ManifestRules = { purpose: 'run', check: checkObject, inNamespace, rankOf }

/** A text and what people call it: the path of its file. */
interface Source {
  name: string
  text: string
}

/** Where an object stands, and what is wrong with it. */
interface Placed {
  place: string
  object: KubeObject
}

/**
 * All objects, in the order in which they are applied: namespaces and what others refer to first, workloads last.
 *
 * @param paths files, folders (their .yaml, .yml and .json), or `-` for standard input
 * @throws TerminalError LSL_MANIFEST_INVALID with each problem by file, document and line, or when there is no object at all
 */
export async function readManifests(
  paths: readonly string[],
  stdin: () => Promise<string>,
  rules: ManifestRules = localRules,
): Promise<KubeObject[]> {
  const sources = (await Promise.all(paths.map((path) => sourcesOf(path, stdin)))).flat()
  const placed: Placed[] = []
  const problems: string[] = []
  for (const source of sources) {
    const read = objectsOf(source, rules)
    placed.push(...read.placed)
    problems.push(...read.problems)
  }
  const seen = new Map<string, string>()
  for (const { place, object } of placed) {
    problems.push(...rules.check(object).map((problem) => `${place}: ${problem}`))
    const key = `${object.kind} ${keyOf(object)}`
    const before = seen.get(key)
    if (before !== undefined) problems.push(`${place}: ${key} stands already in ${before}`)
    seen.set(key, place)
  }
  if (problems.length > 0) {
    throw new TerminalError('LSL_MANIFEST_INVALID', [
      'The manifests are refused',
      `\n${problems.join('\n')}`,
    ])
  }
  if (placed.length === 0) {
    const names = sources.map(({ name }) => name).join(', ')
    throw new TerminalError('LSL_MANIFEST_INVALID', [
      `Nothing to ${rules.purpose}`,
      `no object in ${names}`,
    ])
  }
  return placed.map(({ object }) => object).toSorted((a, b) => rules.rankOf(a) - rules.rankOf(b))
}

async function sourcesOf(path: string, stdin: () => Promise<string>): Promise<Source[]> {
  if (path === '-') return [{ name: 'standard input', text: await stdin() }]
  try {
    if (!(await stat(path)).isDirectory()) return [await readSource(path)]
    const names = (await readdir(path)).filter((name) => /^\.(ya?ml|json)$/.test(extname(name)))
    if (names.length === 0) throw new Error('the folder holds no .yaml, .yml or .json')
    return await Promise.all(names.toSorted().map((name) => readSource(join(path, name))))
  } catch (error) {
    throw new TerminalError('LSL_FILE_UNREADABLE', [path, '--file', messageOf(error)], {
      cause: error,
    })
  }
}

async function readSource(path: string): Promise<Source> {
  return { name: path, text: await readFile(path, 'utf8') }
}

function objectsOf(
  { name, text }: Source,
  rules: ManifestRules,
): { placed: Placed[]; problems: string[] } {
  const lineCounter = new LineCounter()
  // Not pretty: the line is said once, by us, in front of the sentence.
  const documents = parseAllDocuments(text, { lineCounter, prettyErrors: false })
  const placed: Placed[] = []
  const problems: string[] = []
  // An empty file is no list of documents but an object that says so.
  for (const [index, document] of (Array.isArray(documents) ? documents : []).entries()) {
    const placeOf = (offset: number): string =>
      `${name}, document ${index + 1}, line ${lineCounter.linePos(offset).line}`
    const place = placeOf(document.contents?.range?.[0] ?? document.range[0])
    if (document.errors.length > 0) {
      problems.push(...document.errors.map(({ pos, message }) => `${placeOf(pos[0])}: ${message}`))
      continue
    }
    const { value, problem } = plainValue(document)
    if (problem !== undefined) problems.push(`${place}: ${problem}`)
    if (value === null || value === undefined) continue
    const items = listItems(value)
    for (const [position, item] of items.entries()) {
      const here = items.length > 1 || item !== value ? `${place}, item ${position + 1}` : place
      const object = asObject(item, rules)
      if (typeof object === 'string') problems.push(`${here}: ${object}`)
      else placed.push({ place: here, object })
    }
  }
  return { placed, problems }
}

/** Aliases resolved, unless they multiply without bounds or lead back to themselves: neither is an object. */
function plainValue(document: Document.Parsed): { value?: unknown; problem?: string } {
  try {
    const value: unknown = document.toJS()
    JSON.stringify(value)
    return { value }
  } catch (error) {
    return { problem: messageOf(error).split('\n', 1)[0] ?? '' }
  }
}

/** The items of a List, or the value itself. */
function listItems(value: unknown): unknown[] {
  if (typeof value !== 'object' || value === null || !('kind' in value) || !('items' in value)) {
    return [value]
  }
  const isList = typeof value.kind === 'string' && value.kind.endsWith('List')
  if (!isList) return [value]
  const { items } = value
  return items === null ? [] : Array.isArray(items) ? items : [value]
}

/** An object with its namespace filled in, or why it is none. */
function asObject(value: unknown, rules: ManifestRules): KubeObject | string {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return `Expected a Kubernetes object, got ${JSON.stringify(value)}`
  }
  const { apiVersion, kind, metadata } = value as Partial<KubeObject>
  if (typeof apiVersion !== 'string') return 'Expected `apiVersion` to be text, got none'
  if (typeof kind !== 'string') return 'Expected `kind` to be text, got none'
  if (typeof metadata?.name !== 'string') return 'Expected `metadata.name` to be text, got none'
  return rules.inNamespace(value as KubeObject)
}
