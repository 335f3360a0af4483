/**
 * Holds a value of unknown origin against a schema: fills in defaults, reports everything that is wrong at once, each with
 * its path and a sentence that says what was expected and what came.
 */
import type {
  ArraySchema,
  BooleanSchema,
  IntegerSchema,
  IntOrStringSchema,
  MapSchema,
  ObjectSchema,
  OneOfSchema,
  Schema,
  StringSchema,
} from './schema.ts'
import { show } from './show.ts'

export interface Problem {
  /** `spec.receiver.hosts[0]`; empty for the value as a whole. */
  path: string
  /** A whole sentence that names the path. */
  message: string
}

interface Checked {
  /** With defaults and without unknown fields. To be trusted only where no problem is reported. */
  value: unknown
  problems: Problem[]
  /** Paths where the value is not even of the right type, or is missing. */
  misshapen: string[]
}

type Report = (path: string, expected: string, got: unknown, about?: 'shape') => void

/** `path` stands before the path of each problem. The value that is given is not changed. */
export function check(schema: Schema, value: unknown, path: string): Checked {
  const problems: Problem[] = []
  const misshapen: string[] = []
  const report: Report = (where, expected, got, about) => {
    if (about === 'shape') misshapen.push(where)
    const subject = where === '' ? 'the whole' : `\`${where}\``
    problems.push({
      path: where,
      message: `Expected ${subject} to be ${expected}, got ${show(got)}`,
    })
  }
  return { value: visit(schema, value, path, report), problems, misshapen }
}

function visit(schema: Schema, value: unknown, path: string, report: Report): unknown {
  if ('oneOf' in schema) return visitOneOf(schema, value, path, report)
  if ('x-kubernetes-int-or-string' in schema) {
    const isText = typeof value === 'string'
    if (!isText && !Number.isSafeInteger(value)) report(path, schema.expected, value, 'shape')
    else if (!isQuantity(schema, String(value))) report(path, schema.expected, value)
    return value
  }
  if (schema.type === 'string') return visitString(schema, value, path, report)
  if (schema.type === 'integer') return visitInteger(schema, value, path, report)
  if (schema.type === 'boolean') return visitBoolean(schema, value, path, report)
  if (schema.type === 'array') return visitArray(schema, value, path, report)
  if (isObject(value))
    return 'properties' in schema
      ? visitObject(schema, value, path, report)
      : visitMap(schema, value, path, report)
  report(path, 'an object', value, 'shape')
  return value
}

function isQuantity({ maxLength, pattern }: IntOrStringSchema, text: string): boolean {
  return text.length <= maxLength && new RegExp(pattern).test(text)
}

function visitBoolean(schema: BooleanSchema, value: unknown, path: string, report: Report) {
  const [only] = schema.enum ?? []
  if (typeof value !== 'boolean') report(path, 'true or false', value, 'shape')
  else if (only !== undefined && value !== only) report(path, String(only), value)
  return value
}

function visitString(schema: StringSchema, value: unknown, path: string, report: Report): unknown {
  const { minLength = 0, maxLength = Number.POSITIVE_INFINITY } = schema
  if (schema.enum !== undefined) {
    if (!schema.enum.some((each) => each === value)) report(path, oneOf(schema.enum), value)
  } else if (typeof value !== 'string') {
    report(path, schema.expected ?? 'a string', value, 'shape')
  } else if (schema.format === 'date-time' && !isTime(value)) {
    report(path, 'a time such as 2026-01-02T03:04:05Z', value)
  } else if (value.length < minLength) {
    report(
      path,
      `at least ${minLength} ${minLength === 1 ? 'character' : 'characters'} long`,
      value,
    )
  } else if (value.length > maxLength) {
    report(path, `at most ${maxLength} characters long`, value)
  } else if (!fits(schema, value)) {
    report(path, schema.expected ?? `text like ${schema.pattern}`, value)
  }
  return value
}

/** For texts whose length was checked: patterns may take a time that grows faster than the text. */
function fits({ pattern = '', forbidden }: StringSchema, text: string): boolean {
  return (
    new RegExp(pattern).test(text) && (forbidden === undefined || !new RegExp(forbidden).test(text))
  )
}

function visitInteger(
  schema: IntegerSchema,
  value: unknown,
  path: string,
  report: Report,
): unknown {
  const { minimum = Number.MIN_SAFE_INTEGER, maximum = Number.MAX_SAFE_INTEGER } = schema
  const expected = `an integer${range(schema)}`
  if (!Number.isSafeInteger(value)) report(path, expected, value, 'shape')
  else if (Number(value) < minimum || Number(value) > maximum) report(path, expected, value)
  return value
}

function range({ minimum, maximum }: IntegerSchema): string {
  if (minimum !== undefined && maximum !== undefined) return ` from ${minimum} to ${maximum}`
  if (minimum !== undefined) return ` of at least ${minimum}`
  return maximum === undefined ? '' : ` of at most ${maximum}`
}

function visitArray(schema: ArraySchema, value: unknown, path: string, report: Report): unknown {
  if (!Array.isArray(value)) {
    report(path, 'a list', value, 'shape')
    return value
  }
  const { minItems = 0, maxItems = Number.POSITIVE_INFINITY } = schema
  if (value.length < minItems) report(path, `a list of at least ${minItems}`, value)
  if (value.length > maxItems) {
    report(path, `a list of at most ${maxItems}`, `a list of ${value.length}`, 'shape')
    return value
  }
  const items = value.map((item, index) => visit(schema.items, item, `${path}[${index}]`, report))
  if ((schema['x-kubernetes-list-type'] ?? 'atomic') !== 'atomic') {
    const seen = new Set<string>()
    for (const [index, item] of items.entries()) {
      const same = identity(schema, item)
      if (seen.has(same)) report(`${path}[${index}]`, 'in the list only once', item)
      seen.add(same)
    }
  }
  return items
}

function identity(schema: ArraySchema, item: unknown): string {
  const keys = schema['x-kubernetes-list-map-keys']
  return JSON.stringify(keys && isObject(item) ? keys.map((key) => item[key] ?? null) : item)
}

function visitObject(
  schema: ObjectSchema,
  value: Record<string, unknown>,
  path: string,
  report: Report,
): unknown {
  const known = Object.keys(schema.properties)
  const unknown = Object.keys(value).filter((key) => !Object.hasOwn(schema.properties, key))
  for (const key of schema.open ? [] : unknown) {
    const list = known.length === 0 ? 'no field at all' : `one of the fields ${known.join(', ')}`
    report(join(path, key), `${list}${path === '' ? '' : ` of \`${path}\``}`, key)
  }
  const result: Record<string, unknown> = schema.open ? { ...value } : {}
  for (const [key, property] of Object.entries(schema.properties)) {
    const given = value[key] ?? undefined
    const there = given === undefined ? structuredClone(property.default) : given
    // As the API server does: null stands for absent only where a default takes its place.
    if (there !== undefined) result[key] = visit(property, there, join(path, key), report)
    else if (value[key] === null)
      report(join(path, key), 'left out rather than null', null, 'shape')
    else if (schema.required?.includes(key)) report(join(path, key), 'given', undefined, 'shape')
  }
  return result
}

function visitMap(
  schema: MapSchema,
  value: Record<string, unknown>,
  path: string,
  report: Report,
): unknown {
  const entries = Object.entries(value)
  const { maxProperties = Number.POSITIVE_INFINITY } = schema
  if (entries.length > maxProperties)
    report(path, `an object of at most ${maxProperties} entries`, `${entries.length} entries`)
  return Object.fromEntries(
    entries.map(([key, each]) => [
      key,
      visit(schema.additionalProperties, each, `${path}[${key}]`, report),
    ]),
  )
}

function visitOneOf(schema: OneOfSchema, value: unknown, path: string, report: Report): unknown {
  const fitting = isObject(value)
    ? schema.oneOf.filter((alternative) => isMeant(alternative, value))
    : []
  const [meant, second] = fitting
  if (meant !== undefined && second === undefined) return visit(meant, value, path, report)
  report(path, `exactly one of ${schema.oneOf.map(signature).join(' or ')}`, value)
  return value
}

/** One-valued enums decide; where an alternative has none, its required fields do. */
function isMeant(alternative: ObjectSchema, value: Record<string, unknown>): boolean {
  const fixed = tags(alternative)
  return fixed.length > 0
    ? fixed.every(([key, only]) => value[key] === only)
    : (alternative.required ?? []).every((key) => Object.hasOwn(value, key))
}

function tags(alternative: ObjectSchema): [string, string | boolean][] {
  return Object.entries(alternative.properties).flatMap(([key, property]) =>
    'enum' in property && property.enum?.length === 1 && property.enum[0] !== undefined
      ? [[key, property.enum[0]] as [string, string | boolean]]
      : [],
  )
}

function signature(alternative: ObjectSchema): string {
  const fixed = tags(alternative).map(([key, only]) => `${key}: ${String(only)}`)
  return `{${(fixed.length > 0 ? fixed : (alternative.required ?? [])).join(', ')}}`
}

function oneOf(values: readonly string[]): string {
  return values.length === 1 ? String(values[0]) : `one of ${values.join(', ')}`
}

function join(path: string, key: string): string {
  return path === '' ? key : `${path}.${key}`
}

function isTime(text: string): boolean {
  return (
    /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/.test(text) &&
    !Number.isNaN(Date.parse(text))
  )
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
