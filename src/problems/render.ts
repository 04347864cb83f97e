import { PROBLEMS, type Problem } from './problem.ts'

const PROBLEM_TYPE = 'application/problem+json; charset=utf-8'

/** A failure as it goes out: RFC 9457 with `code`, `requestId` and what applies. */
export interface RenderedProblem {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

export function renderProblem(problem: Problem, requestId: string): RenderedProblem {
  const { status, title } = PROBLEMS[problem.code]
  const { retryAfterSeconds, errors, allow } = problem.extras
  return {
    status,
    headers: {
      'content-type': PROBLEM_TYPE,
      'cache-control': 'no-store',
      ...(retryAfterSeconds !== undefined && { 'retry-after': String(retryAfterSeconds) }),
      ...(status === 401 && { 'www-authenticate': 'Bearer' }),
      ...(allow !== undefined && { allow: allow.join(', ') }),
    },
    body: JSON.stringify({
      type: `urn:problem-type:ayalon:${problem.code.replaceAll('_', '-')}`,
      title,
      status,
      detail: problem.message,
      code: problem.code,
      requestId,
      retryAfterSeconds,
      errors,
    }),
  }
}
