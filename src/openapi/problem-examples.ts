import { Problem, type ProblemCode } from '../problems/problem.ts'
import { renderProblem } from '../problems/render.ts'

const REQUEST_ID = '5dee864d-1451-4e8c-8c56-9461da7ddb6a'

/** What the service says in one of the cases of each code. */
const CASES = {
  invalid_input: new Problem('invalid_input', '1 input is wrong.', {
    errors: [
      {
        pointer: '/query/reference',
        detail: 'must be freeFlow, phed or a speed from 10 to 200 km/h',
      },
    ],
  }),
  unauthorized: new Problem(
    'unauthorized',
    'This needs a valid key, as X-API-Key or as Authorization: Bearer.',
  ),
  forbidden: new Problem('forbidden', 'This needs the scope admin.'),
  not_found: new Problem('not_found', 'There is no such corridor.'),
  method_not_allowed: new Problem(
    'method_not_allowed',
    'The path is known, but not with this method.',
  ),
  not_acceptable: new Problem('not_acceptable', 'This path answers with application/json.'),
  conflict: new Problem('conflict', 'This key comes from API_KEYS: take it out there.'),
  payload_too_large: new Problem('payload_too_large', 'The body is larger than 1 MiB.'),
  unsupported_media_type: new Problem(
    'unsupported_media_type',
    'The body must be application/json.',
  ),
  rate_limited: new Problem('rate_limited', '100 requests are allowed in 60 s.', {
    retryAfterSeconds: 17,
  }),
  internal_error: new Problem('internal_error', 'The request id finds this failure in the log.'),
  quota_exceeded: new Problem(
    'quota_exceeded',
    'There is no snapshot yet: the budget of 5000 calls for this month is spent until 2026-12-01T00:00:00.000Z.',
    { retryAfterSeconds: 900 },
  ),
  source_unavailable: new Problem('source_unavailable', 'The first refresh has not ended yet.', {
    retryAfterSeconds: 5,
  }),
  network_error: new Problem(
    'network_error',
    'There is no snapshot yet: the connection failed or broke off.',
    { retryAfterSeconds: 30 },
  ),
  no_coverage: new Problem(
    'no_coverage',
    'There is no snapshot yet: the provider has no data for this corridor.',
  ),
  stale_data: new Problem(
    'stale_data',
    'The last good snapshot is 7260 seconds old, which is too old to serve.',
    { retryAfterSeconds: 60 },
  ),
  overloaded: new Problem('overloaded', 'The service has too much to do.', {
    retryAfterSeconds: 3,
  }),
} as const satisfies Readonly<Record<ProblemCode, Problem>>

const PROBLEMS = Object.values(CASES)

/** Every code of the catalogue. */
export const PROBLEM_CODES = PROBLEMS.map(({ code }) => code)

/** An example of the body of each problem, as a component. */
export const PROBLEM_EXAMPLES = Object.fromEntries(
  PROBLEMS.map((problem) => [
    problem.code,
    { value: JSON.parse(renderProblem(problem, REQUEST_ID).body) },
  ]),
)
