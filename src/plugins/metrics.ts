import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import type { Scrapable } from '../metrics/registry.ts'
import type { ServiceMetrics } from '../metrics/service.ts'
import { getMetrics } from '../openapi/operations.ts'
import { cacheResult } from '../statistics/served.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** What a scraper gets. */
    metrics: Scrapable
  }
}

export interface MetricsOptions {
  readonly metrics: ServiceMetrics
}

/** Tells the metrics of every request. Register before whatever may refuse one. */
export const metrics = fp(async (app: FastifyInstance, options: MetricsOptions) => {
  const { all, http, limits } = options.metrics
  app.decorate('metrics', all)
  app.addHook('onRequest', async (request, reply) => {
    http.began()
    const answered = (): void => {
      reply.raw.off('close', http.aborted)
      if (reply.exceeded !== null) limits.exceeded(reply.exceeded)
      http.answered({
        method: request.method,
        route: request.routeOptions.url,
        status: reply.statusCode,
        seconds: reply.elapsedTime / 1000,
        cache: cacheResult(request.served),
      })
    }
    // Not by hooks: none is told of a client that leaves when its body has been read.
    reply.raw.once('finish', answered).once('close', http.aborted)
  })
  app.refusals.onRefused(({ code }) => http.refused(code))
})

/** `GET /metrics`. Waits for nothing. */
export const scraping = fp(async (app: FastifyInstance, { metrics }: { metrics: Scrapable }) => {
  app.get(
    '/metrics',
    { config: { access: 'open', probe: true }, schema: getMetrics },
    async (_request, reply) => {
      reply.header('cache-control', 'no-store').type(metrics.contentType)
      return metrics.metrics()
    },
  )
})
