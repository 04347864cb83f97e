import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { RequestStatistics } from '../statistics/request-statistics.ts'
import type { ServedTier } from '../statistics/served.ts'
import { onAnswerEnd } from './answer-end.ts'

declare module 'fastify' {
  interface FastifyInstance {
    statistics: RequestStatistics
  }
  interface FastifyRequest {
    /** How a corridor's current state was served; null where none was asked for. */
    served: ServedTier | null
  }
}

export interface StatisticsOptions {
  readonly statistics: RequestStatistics
}

/** All requests without a route together: their paths may be anything. */
const UNMATCHED = 'unmatched'

/**
 * Counts the requests; probes would drown the others and do not count. Register before what may
 * refuse a request.
 */
export const statistics = fp(async (app: FastifyInstance, options: StatisticsOptions) => {
  app.decorate('statistics', options.statistics)
  app.decorateRequest('served', null)
  app.refusals.onRefused(({ code }) => options.statistics.noteRefusal(code))
  app.addHook('onRequest', async (request, reply) => {
    if (request.routeOptions.config.probe === true) return
    onAnswerEnd(reply, (status) => options.statistics.noteEnd(endOf(request, reply, status)))
  })
})

const endOf = (request: FastifyRequest, reply: FastifyReply, status: number | null) => ({
  route: request.is404 ? UNMATCHED : `${request.method} ${request.routeOptions.url}`,
  status,
  code: reply.problemCode,
  served: request.served,
  durationMs: reply.elapsedTime,
})
