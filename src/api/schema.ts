/**
 * A schema as plain data: the subset of OpenAPI v3 that a Kubernetes CRD accepts, and the TypeScript type of what passes
 * it. See docs/adr/0003-schema-as-data.md for why no library does this.
 */

type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json }

interface Described {
  /** One or two sentences for docs/api.md and `kubectl explain`. */
  readonly description?: string
  /** Filled in where the field is absent; nested defaults of a default `{}` are filled in as well. */
  readonly default?: Json
}

export interface StringSchema extends Described {
  readonly type: 'string'
  readonly enum?: readonly string[]
  readonly minLength?: number
  readonly maxLength?: number
  /** In the common part of RE2 and ECMAScript. A pattern comes with `expected`. */
  readonly pattern?: string
  /** No part of the text may match this. */
  readonly forbidden?: string
  /** What the pattern stands for, to complete "Expected `field` to be …". */
  readonly expected?: string
  readonly format?: 'date-time'
}

export interface IntegerSchema extends Described {
  readonly type: 'integer'
  readonly minimum?: number
  readonly maximum?: number
}

export interface BooleanSchema extends Described {
  readonly type: 'boolean'
  /** One value: tells the alternatives of a `oneOf` apart. */
  readonly enum?: readonly [boolean]
}

/** An integer or a string, as Kubernetes quantities are. */
export interface IntOrStringSchema extends Described {
  readonly 'x-kubernetes-int-or-string': true
  readonly maxLength: number
  /** Of a number it holds for the digits. */
  readonly pattern: string
  /** CEL on `self`, which says the same as the pattern at less cost. */
  readonly rule: string
  readonly expected: string
}

export interface ArraySchema extends Described {
  readonly type: 'array'
  readonly items: Schema
  readonly minItems?: number
  readonly maxItems?: number
  /** `set` refuses equal items. */
  readonly 'x-kubernetes-list-type'?: 'atomic' | 'set' | 'map'
  readonly 'x-kubernetes-list-map-keys'?: readonly string[]
}

/** An object with named fields. Fields that are not named are refused. */
export interface ObjectSchema extends Described {
  readonly type: 'object'
  readonly properties: { readonly [name: string]: Schema }
  readonly required?: readonly string[]
  /** True: fields that are not named are kept unchecked. */
  readonly open?: true
  readonly 'x-kubernetes-map-type'?: 'atomic'
}

/** An object whose keys are the user's. */
export interface MapSchema extends Described {
  readonly type: 'object'
  readonly additionalProperties: Schema
  readonly maxProperties?: number
}

/** Alternatives told apart by one-valued enums or by their required fields. Sidecar files only: no CRD accepts it. */
export interface OneOfSchema extends Described {
  readonly oneOf: readonly ObjectSchema[]
}

export type Schema =
  | StringSchema
  | IntegerSchema
  | BooleanSchema
  | IntOrStringSchema
  | ArraySchema
  | ObjectSchema
  | MapSchema
  | OneOfSchema

/** The value that a schema describes, after defaulting: a field is optional if it is neither required nor defaulted. */
export type Infer<S> = S extends { readonly oneOf: readonly (infer Alternative)[] }
  ? Infer<Alternative>
  : S extends { readonly 'x-kubernetes-int-or-string': true }
    ? number | string
    : S extends { readonly enum: readonly (infer Value)[] }
      ? Value
      : S extends { readonly type: 'string' }
        ? string
        : S extends { readonly type: 'integer' }
          ? number
          : S extends { readonly type: 'boolean' }
            ? boolean
            : S extends { readonly type: 'array'; readonly items: infer Item }
              ? Infer<Item>[]
              : S extends { readonly properties: infer Properties }
                ? InferObject<Properties, AlwaysThere<S, Properties>>
                : S extends { readonly additionalProperties: infer Value }
                  ? Record<string, Infer<Value>>
                  : never

type AlwaysThere<S, Properties> =
  | (S extends { readonly required: readonly (infer Key)[] } ? Key : never)
  | {
      [Key in keyof Properties]: Properties[Key] extends { readonly default: Json } ? Key : never
    }[keyof Properties]

type InferObject<Properties, Present> = Flat<
  {
    -readonly [Key in keyof Properties as Key extends Present ? Key : never]: Infer<Properties[Key]>
  } & {
    -readonly [Key in keyof Properties as Key extends Present ? never : Key]?: Infer<
      Properties[Key]
    >
  }
>

type Flat<T> = { [Key in keyof T]: T[Key] }
