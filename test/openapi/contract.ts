import { Ajv2020 } from 'ajv/dist/2020.js'
import formats from 'ajv-formats'
import { z } from 'zod'

const reference = z.strictObject({ $ref: z.string() })
const example = z.strictObject({ value: z.unknown() })
const media = z.strictObject({
  schema: z.record(z.string(), z.unknown()),
  example: z.unknown().optional(),
  examples: z.record(z.string(), z.union([reference, example])).optional(),
})
const header = z.strictObject({
  description: z.string(),
  required: z.boolean().default(false),
  schema: z.record(z.string(), z.unknown()),
  example: z.unknown(),
})
const response = z.strictObject({
  description: z.string(),
  headers: z.record(z.string(), reference),
  content: z.record(z.string(), media).default({}),
})
const parameter = z.strictObject({
  name: z.string(),
  in: z.enum(['path', 'query', 'header']),
  description: z.string(),
  required: z.boolean().default(false),
  schema: z.record(z.string(), z.unknown()),
  example: z.unknown().optional(),
})
const operation = z.strictObject({
  operationId: z.string(),
  summary: z.string(),
  description: z.string(),
  tags: z.tuple([z.string()]),
  security: z.array(z.record(z.string(), z.tuple([]))),
  parameters: z.array(z.union([reference, parameter])),
  requestBody: z
    .strictObject({ required: z.literal(true), content: z.record(z.string(), media) })
    .optional(),
  responses: z.record(z.string(), z.union([reference, response])),
})

/** The document as the tests read it: what is not named here must not be in it. */
const documentSchema = z.strictObject({
  openapi: z.literal('3.1.0'),
  info: z.strictObject({ title: z.string(), version: z.string(), description: z.string() }),
  servers: z.tuple([z.strictObject({ url: z.literal('/') })]),
  tags: z.array(z.strictObject({ name: z.string(), description: z.string() })),
  paths: z.record(z.string(), z.record(z.string(), operation)),
  components: z.strictObject({
    schemas: z.record(z.string(), z.record(z.string(), z.unknown())),
    headers: z.record(z.string(), header),
    parameters: z.record(z.string(), parameter),
    responses: z.record(z.string(), response),
    examples: z.record(z.string(), example),
    securitySchemes: z.record(z.string(), z.unknown()),
  }),
})
type Response = z.infer<typeof response>

/** An operation with all references but those of schemas resolved. */
export interface Described {
  readonly id: string
  readonly method: string
  readonly path: string
  readonly operation: z.infer<typeof operation>
  readonly parameters: readonly z.infer<typeof parameter>[]
  readonly responses: ReadonlyMap<number, Response>
}

/** Something that a schema is to allow, and where it stands. */
export interface Claim {
  readonly where: string
  readonly schema: object
  readonly value: unknown
}

/** The document, read, and what it promises. */
export function contractOf(given: unknown) {
  const document = documentSchema.parse(given)
  const { components } = document
  const found = <T>(named: Readonly<Record<string, T>>, $ref: string): T => {
    const one = named[$ref.replace(/^#\/components\/[a-z]+\//i, '')]
    if (one === undefined) throw new Error(`there is no ${$ref}`)
    return one
  }
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(
      ([method, one]): Described => ({
        id: one.operationId,
        method: method.toUpperCase(),
        path,
        operation: one,
        parameters: one.parameters.map((given) =>
          '$ref' in given ? found(components.parameters, given.$ref) : given,
        ),
        responses: new Map(
          Object.entries(one.responses).map(([status, given]) => [
            Number(status),
            '$ref' in given ? found(components.responses, given.$ref) : given,
          ]),
        ),
      }),
    ),
  )
  const ajv = new Ajv2020({ strict: true, allErrors: true, allowUnionTypes: true })
  formats.default(ajv)
  const standing = (schema: object): object =>
    JSON.parse(JSON.stringify(schema).replaceAll('"#/components/schemas/', '"urn:schema:'))
  for (const [name, schema] of Object.entries(components.schemas))
    ajv.addSchema(standing(schema), `urn:schema:${name}`)
  const faultsOf = (schema: object, value: unknown): string | null => {
    const validate = ajv.compile(standing(schema))
    return validate(value) ? null : ajv.errorsText(validate.errors)
  }
  const claimsOfMedia = (where: string, given: Readonly<Record<string, z.infer<typeof media>>>) =>
    Object.entries(given).flatMap(([type, { schema, example, examples = {} }]): Claim[] => [
      ...(example === undefined ? [] : [{ where: `${where} ${type}`, schema, value: example }]),
      ...Object.entries(examples).map(([name, one]) => ({
        where: `${where} ${type} ${name}`,
        schema,
        value: '$ref' in one ? found(components.examples, one.$ref).value : one.value,
      })),
    ])
  return {
    document,
    operations,
    /** Why a value is not what a schema allows; null where it is. */
    faultsOf,
    header: ($ref: string) => found(components.headers, $ref),
    /** The examples of the bodies of an operation. */
    bodyExamples: ({ id, operation: { requestBody }, responses }: Described): Claim[] => [
      ...claimsOfMedia(`${id} sends`, requestBody?.content ?? {}),
      ...[...responses].flatMap(([status, { content }]) =>
        claimsOfMedia(`${id} ${status}`, content),
      ),
    ],
  }
}
export type Contract = ReturnType<typeof contractOf>
