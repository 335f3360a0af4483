/** The manifests of test/samples: links that every cluster takes, and links with one mistake each. */
import { globSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { parseAllDocuments } from 'yaml'
import type { KubeObject } from '../../src/api/objects.ts'

export interface Sample {
  /** File name without ending. */
  name: string
  /** The link as it stands in the file: unchecked, without defaults. */
  link: KubeObject
  /** What else is in the namespace: Secrets, Services. */
  others: KubeObject[]
}

export interface BadSample extends Sample {
  /** Refused by schema and rules; or taken, and then `Accepted=False`. */
  expect: 'refused-at-write' | 'not-accepted'
  /** Path of the field at fault. */
  field: string
  /** Each is part of the message; for `not-accepted` the first is the reason of the condition. */
  messages: string[]
}

export function goodSamples(): Sample[] {
  return files('good').map(({ name, text }) => ({ name, ...objects(text) }))
}

export function badSamples(expect?: BadSample['expect']): BadSample[] {
  return files('bad')
    .map(({ name, text }) => ({ name, ...objects(text), ...heading(name, text) }))
    .filter((sample) => expect === undefined || sample.expect === expect)
}

function files(folder: string): { name: string; text: string }[] {
  const root = new URL(`../samples/${folder}/`, import.meta.url)
  return globSync('*.yaml', { cwd: root })
    .toSorted()
    .map((file) => ({
      name: basename(file, '.yaml'),
      text: readFileSync(new URL(file, root), 'utf8'),
    }))
}

function objects(text: string): { link: KubeObject; others: KubeObject[] } {
  const all = parseAllDocuments(text).map((document) => document.toJS() as KubeObject)
  const [link, ...others] = all
  if (link?.kind !== 'LogstashLink') throw new Error(`Expected a link first, got ${link?.kind}`)
  return { link, others }
}

function heading(name: string, text: string): Pick<BadSample, 'expect' | 'field' | 'messages'> {
  const lines = [...text.matchAll(/^# (expect|field|message): (.*)$/gm)]
  const of = (key: string) => lines.filter((line) => line[1] === key).map((line) => line[2] ?? '')
  const [expect] = of('expect')
  const [field] = of('field')
  const messages = of('message')
  if (expect !== 'refused-at-write' && expect !== 'not-accepted')
    throw new Error(`Expected "# expect:" in ${name}, got ${expect}`)
  if (field === undefined || messages.length === 0)
    throw new Error(`Expected "# field:" and "# message:" in ${name}`)
  return { expect, field, messages }
}
