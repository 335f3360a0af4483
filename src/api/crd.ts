/**
 * The CustomResourceDefinition that follows from the schema and the rules. A pattern becomes a CEL rule, because the API
 * server answers a failed `pattern` with the expression alone, which nobody can act on, and a failed rule with its message.
 */
import { check } from './check.ts'
import { linkSchema, specSchema } from './link.ts'
import { statusSchema } from './link-status.ts'
import { apiVersion, group, kind, plural } from './names.ts'
import { celText, problemPath, ruleMessage } from './rule.ts'
import { rules } from './rules.ts'
import type { Schema } from './schema.ts'

interface Validation {
  rule: string
  message: string
  fieldPath?: string
}

type Node = Record<string, unknown>

/** apiextensions.k8s.io/v1, as plain data. */
export function logstashLinkCrd(): Node {
  const [, version] = apiVersion.split('/')
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      scope: 'Namespaced',
      names: {
        kind,
        listKind: `${kind}List`,
        plural,
        singular: kind.toLowerCase(),
        shortNames: ['lsl'],
        categories: ['logstash'],
      },
      versions: [
        {
          name: version,
          served: true,
          storage: true,
          subresources: { status: {} },
          additionalPrinterColumns: printerColumns,
          schema: { openAPIV3Schema: root() },
        },
      ],
    },
  }
}

const printerColumns = [
  {
    name: 'Ready',
    type: 'string',
    description: 'Whether the link does all that it should.',
    jsonPath: '.status.conditions[?(@.type=="Ready")].status',
  },
  {
    name: 'Receivers',
    type: 'string',
    description: 'Receiver sidecars, ready/desired.',
    jsonPath: '.status.receivers.summary',
  },
  {
    name: 'Senders',
    type: 'string',
    description: 'Sender sidecars, ready/desired.',
    jsonPath: '.status.senders.summary',
  },
  {
    name: 'Hosts',
    type: 'integer',
    description: 'Receivers that senders know.',
    jsonPath: '.status.hostCount',
  },
  {
    name: 'Expires',
    // kubectl shows the type `date` as the time since, which is no time at all for one to come.
    type: 'string',
    description: "End of the receivers' certificate.",
    jsonPath: '.status.certificate.notAfter',
  },
  {
    name: 'Reason',
    type: 'string',
    description: 'Why the link is ready or not.',
    jsonPath: '.status.conditions[?(@.type=="Ready")].reason',
    priority: 1,
  },
  {
    name: 'Message',
    type: 'string',
    description: 'The same in a sentence.',
    jsonPath: '.status.conditions[?(@.type=="Ready")].message',
    priority: 1,
  },
  { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
]

function root(): Node {
  return {
    type: 'object',
    description: 'Carries events from senders to receivers over the protocol of Logstash.',
    required: linkSchema.required.filter((field) => field === 'spec'),
    properties: {
      apiVersion: { type: 'string' },
      kind: { type: 'string' },
      metadata: { type: 'object' },
      spec: rendered(specSchema, 'spec'),
      status: rendered(statusSchema, 'status'),
    },
    'x-kubernetes-validations': validations(''),
  }
}

/** `path` is as in Rule.at. */
function rendered(schema: Schema, path: string): Node {
  if ('oneOf' in schema) throw new TypeError(`Expected no oneOf at ${path}: no CRD accepts it`)
  const { default: fallback, description, ...rest } = schema
  const node: Node = {
    ...(description === undefined ? {} : { description }),
    ...omit(rest, [
      'pattern',
      'forbidden',
      'rule',
      'expected',
      'items',
      'properties',
      'additionalProperties',
    ]),
    // Written out: the API server holds rules against a default before it fills in the defaults within.
    ...(fallback === undefined ? {} : { default: check(schema, fallback, path).value }),
  }
  if ('items' in schema) node['items'] = rendered(schema.items, `${path}[]`)
  if ('additionalProperties' in schema)
    node['additionalProperties'] = rendered(schema.additionalProperties, `${path}[*]`)
  if ('properties' in schema)
    node['properties'] = Object.fromEntries(
      Object.entries(schema.properties).map(([key, each]) => [
        key,
        rendered(each, `${path}.${key}`),
      ]),
    )
  const all = [...patternValidations(schema, path), ...validations(path)]
  return all.length === 0 ? node : { ...node, 'x-kubernetes-validations': all }
}

function patternValidations(schema: Schema, path: string): Validation[] {
  const rule = patternRule(schema)
  if (rule === undefined || !('expected' in schema)) return []
  return [{ rule, message: `Expected \`${path}\` to be ${schema.expected}` }]
}

function patternRule(schema: Schema): string | undefined {
  if ('rule' in schema) return schema.rule
  if (!('pattern' in schema) || schema.pattern === undefined) return undefined
  const matches = `self.matches(${celText(schema.pattern)})`
  const { forbidden } = schema
  return forbidden === undefined ? matches : `${matches} && !self.matches(${celText(forbidden)})`
}

function validations(at: string): Validation[] {
  return rules
    .filter((rule) => rule.at === at)
    .map((rule) => ({
      rule: rule.cel,
      message: ruleMessage(at, rule),
      ...fieldPath(problemPath('', rule)),
    }))
}

/** The API server knows of metadata no more than its type, so no path leads into it. */
function fieldPath(field: string): { fieldPath?: string } {
  return field === '' || field.startsWith('metadata.') ? {} : { fieldPath: `.${field}` }
}

function omit(object: object, names: string[]): Node {
  return Object.fromEntries(Object.entries(object).filter(([name]) => !names.includes(name)))
}
