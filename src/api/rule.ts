/** The form of a rule over several fields: one entry, said in CEL for the API server and in TypeScript for ourselves. */

export interface Rule {
  /** Where `self` stands: `spec.receiver`, or `….matchExpressions[]` for each item. Empty: the whole link. */
  at: string
  /** The field at fault, relative to `at`; empty where it is `at` itself. */
  field: string
  cel: string
  /** Completes "Expected `<field>` …". */
  says: string
  holds: (self: never) => boolean
}

interface RuleOf<Self> extends Omit<Rule, 'at' | 'holds'> {
  holds: (self: Self) => boolean
}

/** The same rules at each of the places, which all hold a `Self`. */
export function rulesAt<Self>(places: readonly string[], rules: readonly RuleOf<Self>[]): Rule[] {
  return places.flatMap((at) => rules.map((rule) => ({ ...rule, at })))
}

/** `path` is that of the value in which `self` was found. */
export function problemPath(path: string, rule: Rule): string {
  return [path, rule.field].filter((part) => part !== '').join('.')
}

export function ruleMessage(path: string, rule: Rule): string {
  return `Expected \`${problemPath(path, rule)}\` ${rule.says}`
}

/** A string in CEL. */
export function celText(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
}

/** How many of the fields are set: in CEL and in TypeScript. */
export function exactlyOne(fields: readonly string[]): {
  cel: string
  holds: (self: object) => boolean
} {
  return {
    cel: `${fields.map((field) => `(has(self.${field}) ? 1 : 0)`).join(' + ')} == 1`,
    holds: (self) => fields.filter((field) => field in self).length === 1,
  }
}
