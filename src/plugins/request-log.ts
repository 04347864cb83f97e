import type { FastifyInstance, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** A probe, which is logged at debug only. */
    probe?: boolean
  }
}

/** One line a request, also an aborted one. The route's pattern stands for the URL, which may hold anything. */
export const requestLog = fp(async (app: FastifyInstance) => {
  const lineOf = (request: FastifyRequest) => ({
    method: request.method,
    route: request.routeOptions.url ?? null,
  })
  app.addHook('onResponse', async (request, reply) => {
    const level = request.routeOptions.config.probe === true ? 'debug' : 'info'
    const durationMs = Math.round(reply.elapsedTime * 10) / 10
    request.log[level]({ ...lineOf(request), status: reply.statusCode, durationMs }, 'request')
  })
  app.addHook('onRequestAbort', async (request) => {
    request.log.info(lineOf(request), 'request aborted')
  })
})
