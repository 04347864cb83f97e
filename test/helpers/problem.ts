import type { Test } from 'tap'
import { PROBLEMS, type ProblemCode } from '../../src/problems/problem.ts'
import { SECURITY_HEADERS } from '../../src/security-headers.ts'

/** An answer, however it came. */
export interface Answered {
  readonly status: number
  readonly headers: { get(name: string): string | null | undefined }
  readonly body: string
}

/** What only the inside of the service calls so. */
const INTERNAL = /FST_|HPE_|ERR_|Error|node_modules|\\n +at |Unexpected|prototype|undefined/

/** Fails the test unless the answer is the problem of this code, and all that a problem must be. */
export function isProblem(t: Test, answer: Answered, code: ProblemCode, name: string): void {
  const { status, title } = PROBLEMS[code]
  const { headers } = answer
  t.equal(answer.status, status, `${name}: ${status}`)
  const problem = JSON.parse(answer.body)
  t.equal(problem.code, code, `${name}: ${code}`)
  const { detail, requestId, retryAfterSeconds, errors, ...fixed } = problem
  const type = `urn:problem-type:ayalon:${code.replaceAll('_', '-')}`
  t.strictSame(fixed, { type, title, status, code }, name)
  t.match(detail, /^[A-Z\d].*\.$/s, `${name}: a sentence for a person`)
  t.notMatch(answer.body, INTERNAL, `${name}: nothing of the inside`)
  t.equal(headers.get('content-type'), 'application/problem+json; charset=utf-8', name)
  t.equal(headers.get('cache-control'), 'no-store', name)
  t.ok(requestId, name)
  t.equal(headers.get('x-request-id'), requestId, `${name}: the id of the request`)
  const retryAfter = headers.get('retry-after') ?? undefined
  t.equal(retryAfter, retryAfterSeconds?.toString(), `${name}: when to come again`)
  t.equal(headers.get('www-authenticate') ?? null, status === 401 ? 'Bearer' : null, name)
  t.equal((headers.get('allow') ?? null) !== null, status === 405, `${name}: Allow`)
  if (code !== 'invalid_input') t.equal(errors, undefined, name)
  const lacking = Object.keys(SECURITY_HEADERS).filter(
    (header) => headers.get(header) !== SECURITY_HEADERS[header],
  )
  t.strictSame(lacking, [], `${name}: the security headers`)
}
