import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { acceptable } from '../../problems/acceptable.ts'
import { toJson } from '../../views/json.ts'
import { getAnalytics, getAnalyticsSummary } from './operations.ts'
import { type AnalyticsOptions, AnalyticsService } from './service.ts'

const JSON_TYPE = 'application/json; charset=utf-8'

/** How much is asked of the service, how it answers, and how fresh its data is. */
export const analyticsRoutes: FastifyPluginAsyncZod<AnalyticsOptions> = async (app, options) => {
  const service = new AnalyticsService(options)
  app.get(
    '/v1/analytics',
    {
      config: { access: 'read' },
      schema: getAnalytics,
      onRequest: acceptable('application/json'),
    },
    async (request, reply) => {
      const view = await service.full(request.query.days)
      return reply.header('cache-control', 'no-store').type(JSON_TYPE).send(toJson(view))
    },
  )
  app.get(
    '/v1/analytics/summary',
    {
      config: { access: 'read' },
      schema: getAnalyticsSummary,
      onRequest: acceptable('application/json'),
    },
    async (_request, reply) =>
      reply.header('cache-control', 'no-store').type(JSON_TYPE).send(toJson(service.summary())),
  )
}
