import rateLimiter from '@fastify/rate-limit'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { LimitStore } from '../access/limit-store.ts'
import { Problem } from '../problems/problem.ts'
import { addressOf } from './identity.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** A limit of the route's own, beside those of the client. */
    limit?: 'impact' | 'writes'
  }
  interface FastifyReply {
    /** The limit by which the request was refused; null where it was not. */
    exceeded: LimitName | null
  }
}

export const LIMIT_NAMES = ['minute', 'hour', 'impact', 'writes', 'wrongKeys'] as const
export type LimitName = (typeof LIMIT_NAMES)[number]

/** Most requests of one client. */
export interface RateLimits {
  readonly perMinute: number
  readonly perHour: number
  readonly writesPerMinute: number
  readonly impactPerMinute: number
}

const MINUTE_MS = 60_000
const HOUR_MS = 3_600_000

/** Makes `createRateLimit`, whose counts are where the store says. Limits nothing by itself. */
export const limitCounts = fp(async (app: FastifyInstance, { store }: { store: LimitStore }) => {
  type Done = (error: Error | null, count?: { current: number; ttl: number }) => void
  class Store {
    incr(who: string, done: Done, windowMs: number): void {
      store.add(who, windowMs).then((count) => done(null, count), done)
    }
    read(who: string, done: Done, windowMs: number): void {
      done(null, store.peek(who, windowMs))
    }
    child(): Store {
      return this
    }
  }
  await app.register(rateLimiter, { global: false, store: Store })
})

/** How a client stands with one limit. */
interface Standing {
  readonly name: LimitName
  readonly limit: number
  readonly windowSeconds: number
  readonly remaining: number
  readonly resetSeconds: number
  readonly isExceeded: boolean
}

/**
 * Limits how often a client asks: by its key where it has one, else by its address. Probes are
 * never limited. What every limited answer says of it: `RateLimit` and `RateLimit-Policy`
 * (draft-ietf-httpapi-ratelimit-headers-11), and the older `X-RateLimit-…` of the limit that is
 * nearest.
 */
export const rateLimit = fp(async (app: FastifyInstance, limits: RateLimits) => {
  app.decorateReply('exceeded', null)
  const limiter = (
    name: LimitName,
    windowMs: number,
    most: (request: FastifyRequest) => number,
  ): ((request: FastifyRequest) => Promise<Standing>) => {
    const count = app.createRateLimit({
      max: most,
      timeWindow: windowMs,
      keyGenerator: (request) => `${name}:${clientOf(request)}`,
    })
    return async (request) => {
      const counted = await count(request)
      if (counted.isAllowed) throw new Error('no client is exempt')
      const { max: limit, remaining, ttlInSeconds: resetSeconds, isExceeded } = counted
      const windowSeconds = windowMs / 1000
      return { name, limit, windowSeconds, remaining, resetSeconds, isExceeded }
    }
  }
  const always = [
    limiter('minute', MINUTE_MS, ({ apiKey }) => apiKey?.limits.perMinute ?? limits.perMinute),
    limiter('hour', HOUR_MS, ({ apiKey }) => apiKey?.limits.perHour ?? limits.perHour),
  ]
  const own = {
    impact: limiter('impact', MINUTE_MS, () => limits.impactPerMinute),
    writes: limiter('writes', MINUTE_MS, () => limits.writesPerMinute),
  }
  app.addHook('onRequest', async (request, reply) => {
    const { probe, limit } = request.routeOptions.config
    if (probe === true) return
    const counting = [...always, ...(limit === undefined ? [] : [own[limit]])]
    const standings = await Promise.all(counting.map((one) => one(request)))
    setHeaders(reply, standings)
    const exceeded = standings.filter(({ isExceeded }) => isExceeded)
    const [first] = exceeded
    if (first === undefined) return
    reply.exceeded = first.name
    // Of several, the one that holds up longest.
    const retryAfterSeconds = Math.max(...exceeded.map(({ resetSeconds }) => resetSeconds))
    throw new Problem(
      'rate_limited',
      `${first.limit} requests are allowed in ${first.windowSeconds} s.`,
      {
        retryAfterSeconds,
      },
    )
  })
})

/** Whom a request counts for. */
const clientOf = (request: FastifyRequest): string =>
  request.apiKey === null ? `address:${addressOf(request)}` : `key:${request.apiKey.id}`

function setHeaders(reply: FastifyReply, standings: readonly Standing[]): void {
  const [nearest] = standings.toSorted((a, b) => a.remaining - b.remaining)
  reply.headers({
    'ratelimit-policy': standings
      .map(({ name, limit, windowSeconds }) => `"${name}";q=${limit};w=${windowSeconds}`)
      .join(', '),
    ratelimit: standings
      .map(({ name, remaining, resetSeconds }) => `"${name}";r=${remaining};t=${resetSeconds}`)
      .join(', '),
    'x-ratelimit-limit': nearest?.limit,
    'x-ratelimit-remaining': nearest?.remaining,
    'x-ratelimit-reset': nearest?.resetSeconds,
  })
}
