import fc, { type Arbitrary } from 'fast-check'

/** The part of JSON Schema that the document uses. */
export interface Schema {
  readonly $ref?: string
  readonly type?: string | readonly string[]
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly anyOf?: readonly Schema[]
  readonly oneOf?: readonly Schema[]
  readonly allOf?: readonly Schema[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly additionalProperties?: boolean | Schema
  readonly items?: Schema
  readonly minItems?: number
  readonly maxItems?: number
  readonly minimum?: number
  readonly maximum?: number
  readonly exclusiveMinimum?: number
  readonly exclusiveMaximum?: number
  readonly minLength?: number
  readonly maxLength?: number
  readonly pattern?: string
  readonly format?: string
}

/** More items would only make the same fault slower to find. */
const MOST_ITEMS = 4

/** Values that a schema allows, most of them; and some that look like it, but break a rule of it. */
export function valuesOf(schema: Schema, resolve: (ref: string) => Schema): Arbitrary<unknown> {
  const of = (inner: Schema): Arbitrary<unknown> => valuesOf(inner, resolve)
  if (schema.$ref !== undefined) return of(resolve(schema.$ref))
  if (schema.const !== undefined) return fc.constant(schema.const)
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum)
  const choices = schema.anyOf ?? schema.oneOf ?? schema.allOf
  if (choices !== undefined) return fc.oneof(...choices.map(of))
  const [type] = [schema.type].flat()
  switch (type) {
    case 'object':
      return objects(schema, of)
    case 'array':
      return fc.array(of(schema.items ?? {}), {
        minLength: Math.min(schema.minItems ?? 0, MOST_ITEMS),
        maxLength: Math.min(schema.maxItems ?? MOST_ITEMS, MOST_ITEMS),
      })
    case 'integer':
      return fc.integer({
        min: Math.ceil(schema.minimum ?? schema.exclusiveMinimum ?? -1e6),
        max: Math.floor(schema.maximum ?? schema.exclusiveMaximum ?? 1e6),
      })
    case 'number':
      return fc.double({
        min: schema.minimum ?? schema.exclusiveMinimum ?? -1e6,
        max: schema.maximum ?? schema.exclusiveMaximum ?? 1e6,
        noNaN: true,
      })
    case 'boolean':
      return fc.boolean()
    case 'null':
      return fc.constant(null)
    case 'string':
      return strings(schema)
    default:
      return fc.jsonValue({ maxDepth: 2 })
  }
}

function objects(schema: Schema, of: (inner: Schema) => Arbitrary<unknown>): Arbitrary<unknown> {
  const named = Object.entries(schema.properties ?? {}).map(
    ([name, inner]) => [name, of(inner)] as const,
  )
  const known = fc.record(Object.fromEntries(named), { requiredKeys: [...(schema.required ?? [])] })
  if (typeof schema.additionalProperties !== 'object') return known
  const more = fc.dictionary(fc.string({ maxLength: 8 }), of(schema.additionalProperties), {
    maxKeys: MOST_ITEMS,
  })
  return fc.tuple(more, known).map(([others, own]) => ({ ...others, ...own }))
}

function strings({ format, pattern, minLength = 0, maxLength = 40 }: Schema): Arbitrary<string> {
  if (format === 'date-time')
    return fc.date({ noInvalidDate: true }).map((date) => date.toISOString())
  if (format === 'date')
    return fc.date({ noInvalidDate: true }).map((date) => date.toISOString().slice(0, 10))
  if (pattern !== undefined) return fc.stringMatching(new RegExp(pattern))
  return fc.string({ minLength, maxLength: Math.max(minLength, Math.min(maxLength, 40)) })
}
