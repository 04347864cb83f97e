import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { acceptable } from '../../problems/acceptable.ts'
import { toJson } from '../../views/json.ts'
import type { OpenStreams } from './open-streams.ts'
import { getMap, getSnapshot, listCorridors } from './operations.ts'
import { sendSnapshot } from './send-snapshot.ts'
import { type TrafficOptions, TrafficService } from './service.ts'
import { choiceOf } from './snapshot-view.ts'
import { streamRoute } from './stream.ts'

const JSON_TYPE = 'application/json; charset=utf-8'
const GEOJSON_TYPE = 'application/geo+json; charset=utf-8'

/** The corridors, their current snapshot, the same on the map, and each new one as it comes. */
export const trafficRoutes: FastifyPluginAsyncZod<
  TrafficOptions & { readonly streams: OpenStreams }
> = async (app, options) => {
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

  await app.register(streamRoute, { service, streams: options.streams })
}
