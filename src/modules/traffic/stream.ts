import { Readable } from 'node:stream'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { acceptable } from '../../problems/acceptable.ts'
import { referenceKey } from '../../views/choices.ts'
import { eventOf, type NextEvent } from './event-stream.ts'
import type { OpenStreams } from './open-streams.ts'
import { streamSnapshots } from './operations.ts'
import type { TrafficService } from './service.ts'
import { choiceOf } from './snapshot-view.ts'

const EVENT_STREAM = 'text/event-stream'

const HEADERS = {
  'content-type': `${EVENT_STREAM}; charset=utf-8`,
  'cache-control': 'no-store',
  // nginx would keep events back until it has a page of them.
  'x-accel-buffering': 'no',
  // Its end is that of the connection, so that no stop waits for the next request on it.
  connection: 'close',
}

/** Each new snapshot of a corridor, as it comes. */
export const streamRoute: FastifyPluginAsyncZod<{
  readonly service: TrafficService
  readonly streams: OpenStreams
}> = async (app, { service, streams }) => {
  app.get(
    '/v1/traffic/:corridor/stream',
    {
      config: { access: 'read', stream: true },
      schema: streamSnapshots,
      onRequest: acceptable(EVENT_STREAM),
    },
    async (request, reply) => {
      const { corridor: corridorId } = request.params
      const choice = choiceOf(request.query)
      request.served = service.tierOf(corridorId)
      // HEAD sends no body, whose stream nobody would end.
      if (request.method === 'HEAD') return reply.headers(HEADERS).send(Readable.from([]))
      const next: NextEvent = (lastId) => {
        try {
          const news = service.news(corridorId, choice, lastId)
          return news && eventOf('snapshot', news.id, news.json)
        } catch (err) {
          request.log.error({ err }, 'stream broke')
          return null
        }
      }
      const stream = streams.open({
        client: request.client,
        corridorId,
        topic: `${corridorId} ${choice.model} ${referenceKey(choice.reference)}`,
        lastId: request.headers['last-event-id'],
        next,
        mayGoOn: () => request.keyStands(),
      })
      stream.once('close', () => {
        const { events, endedBy } = stream
        const durationMs = Math.round(reply.elapsedTime)
        const keyId = request.apiKey?.id ?? null
        request.log.info(
          { corridor: corridorId, durationMs, events, endedBy, keyId },
          'stream ended',
        )
      })
      return reply.headers(HEADERS).send(stream)
    },
  )
}
