import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import type { z } from 'zod'
import { DEFAULT_MODEL } from '../../impact/models.ts'
import { acceptable } from '../../problems/acceptable.ts'
import { toJson } from '../../views/json.ts'
import { getMap, getSnapshot, listCorridors } from './operations.ts'
import type { snapshotQuery } from './schemas.ts'
import { sendSnapshot } from './send-snapshot.ts'
import { type TrafficOptions, TrafficService } from './service.ts'
import type { Choice } from './snapshot-view.ts'

const JSON_TYPE = 'application/json; charset=utf-8'
const GEOJSON_TYPE = 'application/geo+json; charset=utf-8'

/** The corridors, their current snapshot, and the same on the map. */
export const trafficRoutes: FastifyPluginAsyncZod<TrafficOptions> = async (app, options) => {
  const service = new TrafficService(options)

  app.get(
    '/v1/traffic',
    {
      config: { access: 'read' },
      schema: listCorridors,
      onRequest: acceptable('application/json'),
    },
    async (_request, reply) =>
      reply.header('cache-control', 'no-cache').type(JSON_TYPE).send(toJson(service.list())),
  )

  for (const { path, schema, form, type, forms } of [
    { path: '', schema: getSnapshot, form: 'json', type: JSON_TYPE, forms: ['application/json'] },
    {
      path: '/geojson',
      schema: getMap,
      form: 'geojson',
      type: GEOJSON_TYPE,
      forms: ['application/geo+json', 'application/json'],
    },
  ] as const)
    app.get(
      `/v1/traffic/:corridor${path}`,
      {
        config: { access: 'read' },
        schema,
        onRequest: acceptable(...forms),
      },
      async (request, reply) => {
        const { served, representation, policy } = service.snapshot(
          request.params.corridor,
          form,
          choiceOf(request.query),
          (tier) => {
            request.served = tier
          },
        )
        return sendSnapshot(request, reply, served, representation, type, policy)
      },
    )
}

const choiceOf = ({ reference, model }: z.infer<typeof snapshotQuery>): Choice => ({
  model: model ?? DEFAULT_MODEL,
  reference: reference ?? { kind: 'freeFlow' },
})
