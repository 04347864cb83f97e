import type { ProblemCode } from '../problems/problem.ts'
import type { CacheResult } from './served.ts'

/** How a request ended: with a status below 400, of 429, or of another one or none. */
export type RequestResult = 'successful' | 'failed' | 'rateLimited'
/** What went wrong; `aborted`: the client left before it had its whole answer. */
export type ErrorCode = ProblemCode | 'aborted'

/** All that is counted. The names are kept in databases, and there are some thirty of them. */
export type CountName =
  | `requests.${RequestResult}`
  | `cache.${CacheResult}`
  | `errors.${ErrorCode}`
  | `upstream.${'ok' | 'failed'}`

/** What counts say, of a process or of a day. */
export interface Figures {
  readonly requests: {
    readonly total: number
    readonly successful: number
    readonly failed: number
    readonly rateLimited: number
    /** From 0 to 1; null before the first request. */
    readonly successRate: number | null
  }
  readonly cache: {
    readonly hits: number
    readonly misses: number
    readonly staleServed: number
    /** From 0 to 1; null before the first read of a corridor. */
    readonly hitRatio: number | null
  }
  /** Failed and refused requests by the code of their problem. */
  readonly errors: Readonly<Record<string, number>>
  readonly upstream: { readonly calls: number; readonly failures: number }
}

const ERRORS = 'errors.'

/** Puts counts together; those of another version, which are not known here, are left out. */
export function figuresOf(counts: ReadonlyMap<string, number>): Figures {
  const count = (name: CountName): number => counts.get(name) ?? 0
  const successful = count('requests.successful')
  const failed = count('requests.failed')
  const rateLimited = count('requests.rateLimited')
  const total = successful + failed + rateLimited
  const hits = count('cache.hit')
  const misses = count('cache.miss')
  const staleServed = count('cache.stale')
  const failures = count('upstream.failed')
  const errors = [...counts].filter(([name]) => name.startsWith(ERRORS))
  return {
    requests: { total, successful, failed, rateLimited, successRate: shareOf(successful, total) },
    cache: { hits, misses, staleServed, hitRatio: shareOf(hits, hits + misses + staleServed) },
    errors: Object.fromEntries(errors.map(([name, times]) => [name.slice(ERRORS.length), times])),
    upstream: { calls: count('upstream.ok') + failures, failures },
  }
}

const shareOf = (part: number, whole: number): number | null => (whole === 0 ? null : part / whole)
