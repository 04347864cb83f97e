import type { Access } from '../access/scopes.ts'
import { PROBLEMS, type ProblemCode } from '../problems/problem.ts'
import { type HeaderName, headerRefs } from './headers.ts'
import { PROBLEM_CODES } from './problem-examples.ts'
import { problemSchema } from './problem-schema.ts'
import { schemaRef } from './schema-ref.ts'

/** What of a route decides on the problems that come before it. */
export interface Entrance {
  readonly access: Access
  /** A probe is neither limited nor shed. */
  readonly probe: boolean
}

const ALWAYS = [
  'invalid_input',
  'payload_too_large',
  'unsupported_media_type',
  'internal_error',
] as const satisfies readonly ProblemCode[]

/** Problems of the way to a route, from the parser of HTTP to the limits. */
function problemsBefore({ access, probe }: Entrance): ProblemCode[] {
  const counted: readonly ProblemCode[] = probe ? [] : ['rate_limited', 'overloaded']
  // A wrong key is refused also where none is needed.
  const keys: readonly ProblemCode[] = access === 'open' ? [] : ['unauthorized']
  // Every key has the scope read.
  const scopes: readonly ProblemCode[] = ['write', 'admin'].includes(access) ? ['forbidden'] : []
  return [...ALWAYS, ...counted, ...keys, ...scopes]
}

/** The answers of an operation that are problems, by status. */
export function problemResponses(
  entrance: Entrance,
  own: readonly ProblemCode[],
): Record<string, unknown> {
  const codes = [...new Set([...problemsBefore(entrance), ...own])].toSorted()
  const byStatus = Map.groupBy(codes, (code) => PROBLEMS[code].status)
  return Object.fromEntries(
    [...byStatus].map(([status, ofStatus]) => [
      status,
      ofStatus.length === 1
        ? { $ref: `#/components/responses/${ofStatus[0]}` }
        : problemResponse(ofStatus),
    ]),
  )
}

const NONE: readonly HeaderName[] = []
const LATER: readonly HeaderName[] = ['Retry-After']
const HEADERS_OF = {
  400: NONE,
  401: ['WWW-Authenticate'],
  403: NONE,
  404: NONE,
  405: NONE,
  406: NONE,
  409: NONE,
  413: NONE,
  415: NONE,
  429: LATER,
  500: NONE,
  503: LATER,
} as const satisfies Readonly<Record<number, readonly HeaderName[]>>

/** The answer with one of some codes of the same status. */
function problemResponse(codes: readonly ProblemCode[]): object {
  const own = codes.flatMap((code) => HEADERS_OF[PROBLEMS[code].status])
  return {
    description: codes.map((code) => `\`${code}\`: ${PROBLEMS[code].title}.`).join('\n\n'),
    headers: headerRefs(true, [...new Set(own)]),
    content: {
      'application/problem+json': {
        schema: schemaRef(problemSchema),
        examples: Object.fromEntries(
          codes.map((code) => [code, { $ref: `#/components/examples/${code}` }]),
        ),
      },
    },
  }
}

/** An answer for each code, as a component. */
export const PROBLEM_RESPONSES = Object.fromEntries(
  PROBLEM_CODES.map((code) => [code, problemResponse([code])]),
)
