import helmet from '@fastify/helmet'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'

/** For a year: come by TLS only. */
const HSTS = 'max-age=31536000; includeSubDomains'

/** Nothing in an answer of an API is to be run, framed, or sent from. */
const NOTHING = ["'none'"]

/**
 * What browsers may do with the answers. A route for people has a policy of its own by its option
 * `helmet`. Cross-Origin-Resource-Policy keeps other sites from embedding answers; reading them by
 * CORS it does not hinder (Fetch standard, 4.1: it is checked for requests without CORS alone).
 */
export const securityHeaders = fp(async (app: FastifyInstance) => {
  await app.register(helmet, {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        'default-src': NOTHING,
        'base-uri': NOTHING,
        'form-action': NOTHING,
        'frame-ancestors': NOTHING,
      },
    },
    xFrameOptions: { action: 'deny' },
    // Only for who came by TLS (RFC 6797, 7.2); a trusted proxy says who did.
    strictTransportSecurity: false,
  })
  app.addHook('onRequest', async (request, reply) => {
    if (request.protocol === 'https') reply.header('strict-transport-security', HSTS)
  })
})
