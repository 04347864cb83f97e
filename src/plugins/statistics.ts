import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'

/** How a reader of a corridor was served: by a tier of the snapshot, or not at all. */
export type ServedTier = 'live' | 'lastKnownGood' | 'simulated' | 'replay' | 'unavailable'

/** Counts since the start of the process. */
export interface Statistics {
  readonly totalRequests: number
  /** Answers with a status of 500 or more. */
  readonly errorCount: number
  /** Reads of a corridor's current state. */
  readonly served: Readonly<Record<ServedTier, number>>
  /** Counts a read. */
  countServed(tier: ServedTier): void
}

declare module 'fastify' {
  interface FastifyInstance {
    statistics: Statistics
  }
}

/** Counts the answers; those to probes would drown the others and do not count. */
export const statistics = fp(async (app: FastifyInstance) => {
  const served = { live: 0, lastKnownGood: 0, simulated: 0, replay: 0, unavailable: 0 }
  const counts = {
    totalRequests: 0,
    errorCount: 0,
    served,
    countServed(tier: ServedTier): void {
      served[tier] += 1
    },
  }
  app.decorate('statistics', counts)
  app.addHook('onResponse', async (request, reply) => {
    if (request.routeOptions.config.probe === true) return
    counts.totalRequests += 1
    if (reply.statusCode >= 500) counts.errorCount += 1
  })
})
