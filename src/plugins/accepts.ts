import accepts from '@fastify/accepts'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'

/** Lets routes read the Accept headers by the rules of RFC 9110. */
export const acceptHeaders = fp(async (app: FastifyInstance) => {
  await app.register(accepts)
})
