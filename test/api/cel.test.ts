import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import { check } from '../../src/api/check.ts'
import { logstashLinkCrd } from '../../src/api/crd.ts'
import { linkSchema } from '../../src/api/link.ts'
import type { KubeObject } from '../../src/api/objects.ts'
import { parseLink } from '../../src/api/validate.ts'
import { celHolds } from '../support/cel.ts'
import { badSamples, goodSamples } from '../support/samples.ts'

interface Node {
  properties?: Record<string, Node>
  additionalProperties?: Node
  items?: Node
  'x-kubernetes-validations'?: { rule: string; message: string }[]
}

interface Crd {
  spec: { versions: { schema: { openAPIV3Schema: Node } }[] }
}

const [version] = (logstashLinkCrd() as unknown as Crd).spec.versions
const root = version?.schema.openAPIV3Schema ?? {}
const samples = [...goodSamples(), ...badSamples()]
const rulesOfCrd = new Set(messagesOf(root))

describe('the CEL of the CRD', () => {
  it('is there', () => assert.ok(rulesOfCrd.size > 80, String(rulesOfCrd.size)))

  for (const { name, link } of samples)
    it(`refuses what the code refuses, with the same message: ${name}`, () => compare(link))

  it('refuses what the code refuses, whatever parts of samples stand together', () => {
    const spec = fc.constantFrom(...samples.map(({ link }) => link['spec'] ?? {}))
    fc.assert(
      fc.property(spec, spec, spec, spec, (receiver, sender, tls, rest) => {
        compare({
          apiVersion: 'logstashlink.io/v1alpha1',
          kind: 'LogstashLink',
          metadata: { name: 'mixed' },
          spec: {
            ...rest,
            ...part(receiver, 'receiver'),
            ...part(sender, 'sender'),
            ...part(tls, 'tls'),
          },
        })
      }),
      { numRuns: 1500 },
    )
  })

  it('breaks on every rule at least once in the samples', () => {
    const broken = new Set(samples.flatMap(({ link }) => codeMessages(link)))
    const seen = new Set([...broken].map(says))
    assert.deepEqual(
      [...rulesOfCrd].map(says).filter((message) => !seen.has(message)),
      [],
    )
  })
})

/** Without the field: rules that stand at two places, or for several fields, need one sample only. */
function says(message: string): string {
  return message.replace(/^Expected `[^`]*` /, '')
}

/** The API server runs no rule on an object whose structure is broken. */
function compare(link: KubeObject) {
  const { value, misshapen } = check(linkSchema, link, '')
  if (misshapen.length > 0) return
  assert.deepEqual(celMessages(root, value).toSorted(), codeMessages(link).toSorted())
}

function celMessages(node: Node, value: unknown): string[] {
  const own = (node['x-kubernetes-validations'] ?? [])
    .filter(({ rule }) => !celHolds(rule, value))
    .map(({ message }) => message)
  return [...new Set([...own, ...children(node, value).flatMap(([n, v]) => celMessages(n, v))])]
}

function children(node: Node, value: unknown): [Node, unknown][] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, inner]): [Node, unknown][] => {
    const child = node.properties?.[key] ?? node.additionalProperties ?? node.items
    return child === undefined ? [] : [[child, inner]]
  })
}

/** What the code says, as far as CEL says it too, in the words of the CRD, which knows no indexes and no values. */
function codeMessages(link: KubeObject): string[] {
  const messages = (parseLink(link).problems ?? []).map(({ message }) =>
    message
      .replaceAll(/\[\d+\]/g, '[]')
      .replaceAll(/(matchLabels)\[[^\]]*\]/g, '$1[*]')
      .replace(/, got .*$/s, ''),
  )
  return [...new Set(messages)].filter((message) => rulesOfCrd.has(message))
}

function messagesOf(node: Node): string[] {
  const inner = [node.items, node.additionalProperties, ...Object.values(node.properties ?? {})]
  return [
    ...(node['x-kubernetes-validations'] ?? []).map(({ message }) => message),
    ...inner.filter((each) => each !== undefined).flatMap(messagesOf),
  ]
}

function part(spec: object, key: string): object {
  return Object.fromEntries(Object.entries(spec).filter(([name]) => name === key))
}
