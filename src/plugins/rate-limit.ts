import rateLimiter from '@fastify/rate-limit'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { LimitName } from '../access/limit-names.ts'
import type { LimitStore } from '../access/limit-store.ts'
import { Problem } from '../problems/problem.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** A limit of the route's own, beside those of the client: of what changes something, `writes`. */
    limit?: 'impact' | 'writes'
  }
  interface FastifyReply {
    /** The limit by which the request was refused; null where it was not. */
    exceeded: LimitName | null
  }
}

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
    const keyGenerator = (request: FastifyRequest): string => `${name}:${request.client}`
    const count = app.createRateLimit({ max, timeWindow: windowMs, keyGenerator })
    const windowSeconds = windowMs / 1000
    return async (request: FastifyRequest, increment: boolean) => ({
      name,
      windowSeconds,
      ...(await count(request, { increment })),
    })
  }
  const minute = limiter(
    'minute',
    MINUTE_MS,
    ({ apiKey }) => apiKey?.limits.perMinute ?? limits.perMinute,
  )
  const hour = limiter('hour', HOUR_MS, ({ apiKey }) => apiKey?.limits.perHour ?? limits.perHour)
  const own = {
    impact: limiter('impact', MINUTE_MS, () => limits.impactPerMinute),
    writes: limiter('writes', MINUTE_MS, () => limits.writesPerMinute),
  }
  app.addHook('onRoute', ({ method, config }) => {
    const isWrite = config?.access === 'write' || config?.access === 'admin'
    const isRead = [method].flat().every((one) => one === 'GET' || one === 'HEAD')
    if (isWrite && !isRead) config.limit ??= 'writes'
  })
  app.addHook('onRequest', async (request, reply) => {
    const { probe, limit } = request.routeOptions.config
    if (probe === true) return
    const soon = limit === undefined ? [minute] : [minute, own[limit]]
    const counted = await Promise.all(soon.map((one) => one(request, true)))
    // What is refused already must not use up the hour as well.
    const passes = counted.every((standing) => standing.isAllowed || !standing.isExceeded)
    const all = [...counted, await hour(request, passes)]
    const standings = all.filter((standing) => !standing.isAllowed)
    setHeaders(reply, standings)
    // Of several that are used up, the one that holds up longest.
    const [longest] = standings
      .filter(({ remaining }) => remaining === 0)
      .toSorted((a, b) => b.ttlInSeconds - a.ttlInSeconds)
    if (longest === undefined || !standings.some(({ isExceeded }) => isExceeded)) return
    const { name, max, windowSeconds, ttlInSeconds } = longest
    reply.exceeded = name
    throw new Problem('rate_limited', `${max} requests are allowed in ${windowSeconds} s.`, {
      retryAfterSeconds: ttlInSeconds,
    })
  })
})

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
