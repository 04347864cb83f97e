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
  readonly windowSeconds: number
  readonly max: number
  readonly remaining: number
  readonly ttlInSeconds: number
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
  const limiter = (name: LimitName, windowMs: number, max: (request: FastifyRequest) => number) => {
    const keyGenerator = (request: FastifyRequest): string => `${name}:${clientOf(request)}`
    const count = app.createRateLimit({ max, timeWindow: windowMs, keyGenerator })
    const windowSeconds = windowMs / 1000
    return async (request: FastifyRequest) => ({ name, windowSeconds, ...(await count(request)) })
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
    const counted = await Promise.all(counting.map((one) => one(request)))
    const standings = counted.filter((standing) => !standing.isAllowed)
    setHeaders(reply, standings)
    // Of several, the one that holds up longest.
    const [exceeded] = standings
      .filter(({ isExceeded }) => isExceeded)
      .toSorted((a, b) => b.ttlInSeconds - a.ttlInSeconds)
    if (exceeded === undefined) return
    const { name, max, windowSeconds, ttlInSeconds } = exceeded
    reply.exceeded = name
    throw new Problem('rate_limited', `${max} requests are allowed in ${windowSeconds} s.`, {
      retryAfterSeconds: ttlInSeconds,
    })
  })
})

/** Whom a request counts for. */
const clientOf = (request: FastifyRequest): string =>
  request.apiKey === null ? `address:${addressOf(request)}` : `key:${request.apiKey.id}`

function setHeaders(reply: FastifyReply, standings: readonly Standing[]): void {
  const [nearest] = standings.toSorted(
    (a, b) => a.remaining - b.remaining || b.ttlInSeconds - a.ttlInSeconds,
  )
  reply.headers({
    'ratelimit-policy': standings
      .map(({ name, max, windowSeconds }) => `"${name}";q=${max};w=${windowSeconds}`)
      .join(', '),
    ratelimit: standings
      .map(({ name, remaining, ttlInSeconds }) => `"${name}";r=${remaining};t=${ttlInSeconds}`)
      .join(', '),
    'x-ratelimit-limit': nearest?.max,
    'x-ratelimit-remaining': nearest?.remaining,
    'x-ratelimit-reset': nearest?.ttlInSeconds,
  })
}
