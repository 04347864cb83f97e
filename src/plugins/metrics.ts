import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import type { Scrapable } from '../metrics/registry.ts'
import type { ServiceMetrics } from '../metrics/service.ts'
import { getMetrics } from '../openapi/operations.ts'
import { cacheResult } from '../statistics/served.ts'
import { onAnswerEnd } from './answer-end.ts'

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
  app.addHook('onRoute', ({ method, url }) => {
    for (const one of [method].flat()) http.added(one, url)
  })
  app.addHook('onRequest', async (request, reply) => {
    http.began()
    onAnswerEnd(reply, (status) => {
      if (reply.exceeded !== null) limits.exceeded(reply.exceeded)
      if (status === null) http.aborted()
      else
        http.answered({
          method: request.method,
          route: request.routeOptions.url,
          status,
          seconds: reply.elapsedTime / 1000,
          cache: cacheResult(request.served),
        })
    })
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
