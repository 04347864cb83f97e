import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'

/** Tells every client the id under which its request is logged. */
export const requestId = fp(async (app: FastifyInstance) => {
  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id)
  })
})
