import type { FastifyReply, FastifyRequest } from 'fastify'
import { matchesEtag } from './conditional.ts'
import type { Encoding, Representation } from './representation.ts'
import type { Servable } from './snapshot-view.ts'

/** What the cache headers say. */
export interface CachePolicy {
  readonly nowMs: number
  /** When the next refresh begins, epoch ms. */
  readonly nextPollAtMs: number
  readonly pollSeconds: number
  readonly maxStaleSeconds: number
  /** Whether caches between here and the client may keep it: not where reading needs a key. */
  readonly isPublic: boolean
}

/** Sends a snapshot as ready bytes, or 304 when the client has it. */
export function sendSnapshot(
  request: FastifyRequest,
  reply: FastifyReply,
  served: Servable,
  representation: Representation,
  type: string,
  policy: CachePolicy,
): FastifyReply {
  const encoding = encodingFor(request)
  reply.headers({
    etag: representation.etag,
    vary: 'Accept-Encoding',
    ...cacheHeaders(served, policy),
  })
  if (matchesEtag(request.headers['if-none-match'], representation.etag))
    return reply.code(304).send()
  if (encoding !== 'identity') reply.header('content-encoding', encoding)
  return reply.type(type).send(representation.bytes(served.ageSeconds, encoding))
}

/**
 * Fresh until the next poll: `max-age` counts from the fetch, and `Age` says how much of it is
 * gone (RFC 9111). No cache may serve it when it is too old for this service. Cache-Status
 * (RFC 9211) tells how this service answered.
 */
function cacheHeaders(served: Servable, policy: CachePolicy): Record<string, string> {
  const { fetchedAtMs } = served.snapshot
  const leftSeconds = policy.maxStaleSeconds - served.ageSeconds
  const age = wholeSeconds(policy.nowMs - fetchedAtMs)
  const ttl = Math.min(leftSeconds, wholeSeconds(policy.nextPollAtMs - policy.nowMs))
  const stale = leftSeconds - ttl
  return {
    'cache-control': [
      policy.isPublic ? 'public' : 'private',
      `max-age=${age + ttl}`,
      `stale-while-revalidate=${Math.min(stale, policy.pollSeconds)}`,
      `stale-if-error=${stale}`,
    ].join(', '),
    age: String(age),
    'cache-status': `ayalon; hit; ttl=${ttl}${served.kind === 'stale' ? '; detail=stale' : ''}`,
  }
}

const wholeSeconds = (ms: number): number => Math.max(0, Math.floor(ms / 1000))

const ENCODINGS: readonly Encoding[] = ['br', 'gzip', 'identity']

function encodingFor(request: FastifyRequest): Encoding {
  const wanted = request.accepts().encoding([...ENCODINGS])
  return ENCODINGS.find((encoding) => encoding === wanted) ?? 'identity'
}
