import { Readable } from 'node:stream'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { acceptable } from '../../problems/acceptable.ts'
import { toJson } from '../../views/json.ts'
import { csvName, csvOf } from './csv.ts'
import { historyView } from './history-view.ts'
import { getHistory } from './operations.ts'
import { type HistoryOptions, HistoryService } from './service.ts'

/** What is answered with; the first where the client does not say. */
const FORMATS = ['application/json', 'text/csv']

/** Buckets that the download reads at once. */
const CSV_BUCKETS = 60

/** What congestion cost over time: a page of JSON, or all of it as a CSV download. */
export const historyRoutes: FastifyPluginAsyncZod<HistoryOptions> = async (app, options) => {
  const service = new HistoryService(options)
  app.get(
    '/v1/traffic/:corridor/history',
    {
      config: { access: 'read' },
      schema: getHistory,
      onRequest: acceptable(...FORMATS),
    },
    async (request, reply) => {
      const { params, query } = request
      reply.headers({ 'cache-control': 'no-cache', vary: 'Accept' })
      const accepted = request.accepts().type(FORMATS) === 'text/csv' ? 'csv' : 'json'
      if ((query.format ?? accepted) === 'csv') {
        // A download is for keeping: every section by itself, unless sums are asked for.
        const asked = service.request(params.corridor, query, 'section')
        const chunks = csvOf(service, asked, CSV_BUCKETS)
        // The first is read before the answer begins: until then it can still be a problem.
        const first = await chunks.next()
        const body = (async function* () {
          yield first.value
          // Whoever only asks for the headers does not make us read it all.
          if (request.method !== 'HEAD') yield* chunks
        })()
        return reply
          .type('text/csv; charset=utf-8')
          .header('content-disposition', `attachment; filename="${csvName(asked)}"`)
          .send(Readable.from(body))
      }
      const asked = service.request(params.corridor, query)
      const view = await historyView(service, asked, query.limit)
      return reply.type('application/json; charset=utf-8').send(toJson(view))
    },
  )
}
