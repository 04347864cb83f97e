import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'

declare module 'fastify' {
  interface FastifyInstance {
    /** Requests answered since the start; errors are those with a status of 500 or more. */
    statistics: { readonly totalRequests: number; readonly errorCount: number }
  }
}

/** Counts the answers; those to probes would drown the others and do not count. */
export const statistics = fp(async (app: FastifyInstance) => {
  const counts = { totalRequests: 0, errorCount: 0 }
  app.decorate('statistics', counts)
  app.addHook('onResponse', async (request, reply) => {
    if (request.routeOptions.config.probe === true) return
    counts.totalRequests += 1
    if (reply.statusCode >= 500) counts.errorCount += 1
  })
})
