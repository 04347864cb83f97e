import fc, { type Arbitrary } from 'fast-check'
import { type Schema, valuesOf } from './arbitrary.ts'

/** What is answered with one status: itself, or where it is. */
interface Answer {
  readonly $ref?: string
  readonly content?: Readonly<Record<string, { readonly schema?: Schema }>>
}

/** The part of the document that requests are made from. */
export interface Operation {
  readonly parameters?: readonly {
    readonly name: string
    readonly in: string
    readonly schema: Schema
  }[]
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> }
  readonly responses: Readonly<Record<string, Answer>>
}

export interface ApiDocument {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components?: {
    readonly schemas?: Readonly<Record<string, Schema>>
    readonly responses?: Readonly<Record<string, Answer>>
  }
}

/** A request for one operation, valid or not. */
export interface FuzzRequest {
  /** As in the document. */
  readonly template: string
  readonly method: string
  /** Path and query. */
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | null
}

/** What a request may be sent with, besides what the document says. */
export interface Seeds {
  /** Values of path parameters that exist. */
  readonly known: Readonly<Record<string, string>>
  /** Keys, good and bad. */
  readonly keys: readonly string[]
}

/** Some of what clients really send wrongly. */
const JUNK = [
  '',
  '0',
  '-1',
  'NaN',
  'null',
  'true',
  '1e999',
  '%00',
  '../..',
  "' OR 1=1 --",
  '\u202e',
  'ä€😀',
  'x'.repeat(300),
]

const junk = fc.oneof(fc.constantFrom(...JUNK), fc.string({ unit: 'binary', maxLength: 30 }))
/** What a header can hold. */
const headerText = fc.string({ unit: 'grapheme-ascii', maxLength: 40 })

/** Requests for every operation of a document, evenly. */
export function requestsOf(document: ApiDocument, seeds: Seeds): Arbitrary<FuzzRequest> {
  const resolve = (ref: string): Schema =>
    document.components?.schemas?.[ref.replace('#/components/schemas/', '')] ?? {}
  const operations = Object.entries(document.paths).flatMap(([template, item]) =>
    Object.entries(item).map(([method, operation]) => {
      const parameters = operation.parameters ?? []
      return fc
        .record({
          path: pathOf(template, seeds),
          query: queryOf(
            parameters.filter((parameter) => parameter.in === 'query'),
            resolve,
          ),
          headers: headersOf(operation, seeds),
          body: bodyOf(operation, resolve),
        })
        .map(
          ({ path, query, headers, body }): FuzzRequest => ({
            template,
            method: method.toUpperCase(),
            url: `${path}${query}`,
            headers,
            body,
          }),
        )
    }),
  )
  return fc.oneof(...operations)
}

function pathOf(template: string, { known }: Seeds): Arbitrary<string> {
  const parts = template.split('/').map((part) => {
    const [, name] = /^\{(.+)\}$/.exec(part) ?? []
    if (name === undefined) return fc.constant(part)
    return fc.oneof(
      { weight: 3, arbitrary: fc.constant(known[name] ?? 'unknown') },
      { weight: 1, arbitrary: junk.map(encoded) },
    )
  })
  return fc.tuple(...parts).map((chosen) => chosen.join('/'))
}

function queryOf(
  parameters: NonNullable<Operation['parameters']>,
  resolve: (ref: string) => Schema,
): Arbitrary<string> {
  const named = parameters.map(({ name, schema }) =>
    fc
      .oneof(
        { weight: 4, arbitrary: valuesOf(schema, resolve).map(String) },
        { weight: 1, arbitrary: junk },
      )
      .map((value) => `${name}=${encoded(value)}`),
  )
  const unknown = fc.tuple(junk, junk).map(([name, value]) => `${encoded(name)}=${encoded(value)}`)
  const own =
    named.length === 0 ? fc.constant([]) : fc.subarray(named).chain((some) => fc.tuple(...some))
  const more = fc.oneof(
    { weight: 6, arbitrary: fc.constant<string[]>([]) },
    { weight: 1, arbitrary: fc.tuple(unknown).map(([one]) => [one]) },
    // The same one twice.
    { weight: 1, arbitrary: own.map((items: readonly string[]) => items.slice(0, 1)) },
  )
  return fc.tuple(own, more).map(([items, extra]) => {
    const all = [...items, ...extra]
    return all.length === 0 ? '' : `?${all.join('&')}`
  })
}

/** A key in one of its two headers, a good one mostly; or none. */
const keyHeader = (keys: readonly string[]): Arbitrary<Record<string, string>> =>
  fc.oneof(
    { weight: 4, arbitrary: fc.constant({}) },
    { weight: 3, arbitrary: fc.constantFrom(...keys).map((key) => ({ 'x-api-key': key })) },
    {
      weight: 2,
      arbitrary: fc.constantFrom(...keys).map((key) => ({ authorization: `Bearer ${key}` })),
    },
    {
      weight: 1,
      arbitrary: headerText.map((text) => ({ 'x-api-key': text, authorization: text })),
    },
  )

function headersOf(operation: Operation, { keys }: Seeds): Arbitrary<Record<string, string>> {
  const types = Object.values(operation.responses).flatMap(({ content = {} }) =>
    Object.keys(content),
  )
  const sometimes = (values: Arbitrary<string>): Arbitrary<string | undefined> =>
    fc.option(values, { nil: undefined, freq: 2 })
  const others = fc
    .record({
      accept: sometimes(fc.oneof(fc.constantFrom('*/*', ...types), headerText)),
      'accept-encoding': sometimes(fc.constantFrom('gzip', 'br', 'identity', '*;q=0')),
      'if-none-match': sometimes(fc.oneof(fc.constantFrom('*', '"x"', 'W/"x", "y"'), headerText)),
      'last-event-id': sometimes(headerText),
      'x-request-id': sometimes(headerText),
      traceparent: sometimes(headerText),
      'content-type': fc.oneof(
        { weight: 6, arbitrary: fc.constant('application/json') },
        {
          weight: 1,
          arbitrary: fc.constantFrom(
            'text/plain',
            'application/xml',
            'application/json; charset=x',
          ),
        },
      ),
    })
    .map((headers) =>
      Object.fromEntries(
        Object.entries(headers).flatMap(([name, value]) => {
          const isSent = value !== undefined && (name !== 'content-type' || operation.requestBody)
          return isSent ? [[name, value] as const] : []
        }),
      ),
    )
  return fc.tuple(others, keyHeader(keys)).map(([some, key]) => ({ ...some, ...key }))
}

function bodyOf(operation: Operation, resolve: (ref: string) => Schema): Arbitrary<string | null> {
  const schema = operation.requestBody?.content['application/json']?.schema
  if (schema === undefined) return fc.constant(null)
  const valid = valuesOf(schema, resolve)
  return fc.oneof(
    { weight: 5, arbitrary: valid.map((value) => JSON.stringify(value)) },
    { weight: 2, arbitrary: fc.tuple(valid, fc.string(), fc.jsonValue()).map(withChange) },
    { weight: 1, arbitrary: fc.jsonValue().map((value) => JSON.stringify(value)) },
    { weight: 1, arbitrary: fc.oneof(junk, fc.constantFrom('{"__proto__":{}}', '{', '[]]')) },
  )
}

/** A good body with one thing too many or changed. */
function withChange([valid, name, value]: [unknown, string, unknown]): string {
  const fields = Object.entries(Object(valid))
  const [first] = fields
  return JSON.stringify(Object.fromEntries([...fields, [first?.[0] ?? name, value], [name, value]]))
}

/** Percent-encoded, also what is no whole character. */
const encoded = (text: string): string => encodeURIComponent(text.toWellFormed())
