import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'

/** How a reader of a corridor was served: by a tier of the snapshot, or not at all. */
export type ServedTier = 'live' | 'lastKnownGood' | 'simulated' | 'replay' | 'unavailable'

/** How the cache of snapshots answered: with a fresh one, an old one, or none. */
export type CacheResult = 'hit' | 'stale' | 'miss'

/** Null for a request that asked for no snapshot. */
export function cacheResult(served: ServedTier | null): CacheResult | null {
  if (served === null) return null
  if (served === 'unavailable') return 'miss'
  return served === 'lastKnownGood' ? 'stale' : 'hit'
}

/** Counts since the start of the process. */
export interface Statistics {
  readonly totalRequests: number
  /** Answers with a status of 500 or more. */
  readonly errorCount: number
  /** Reads of a corridor's current state. */
  readonly served: Readonly<Record<ServedTier, number>>
}

declare module 'fastify' {
  interface FastifyInstance {
    statistics: Statistics
  }
  interface FastifyRequest {
    /** How a corridor's current state was served; null where none was asked for. */
    served: ServedTier | null
  }
}

/** Counts the answers; those to probes would drown the others and do not count. */
export const statistics = fp(async (app: FastifyInstance) => {
  const served = { live: 0, lastKnownGood: 0, simulated: 0, replay: 0, unavailable: 0 }
  const counts = {
    totalRequests: 0,
    errorCount: 0,
    served,
  }
  app.decorate('statistics', counts)
  app.decorateRequest('served', null)
  app.addHook('onResponse', async (request, reply) => {
    if (request.routeOptions.config.probe === true) return
    counts.totalRequests += 1
    if (request.served !== null) served[request.served] += 1
    if (reply.statusCode >= 500) counts.errorCount += 1
  })
})
