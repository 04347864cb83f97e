import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { acceptable } from '../../problems/acceptable.ts'
import { toJson } from '../../views/json.ts'
import { impactView } from './impact-view.ts'
import { computeImpact } from './operations.ts'

/** The impact of sections that the caller sends; stores nothing. */
export const impactRoutes: FastifyPluginAsyncZod = async (app) => {
  app.post(
    '/v1/impact',
    {
      config: { access: 'read', limit: 'impact' },
      schema: computeImpact,
      onRequest: acceptable('application/json'),
    },
    async (request, reply) =>
      reply
        .header('cache-control', 'no-store')
        .type('application/json; charset=utf-8')
        .send(toJson(impactView(request.body))),
  )
}
