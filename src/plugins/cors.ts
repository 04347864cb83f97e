import fastifyCors from '@fastify/cors'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'

export interface CorsOptions {
  /** Origins whose pages may call; `*` alone for all. */
  readonly origins: readonly string[]
}

/** How long a browser may keep the answer to a preflight, s; none keeps it longer than a day. */
const MAX_AGE_SECONDS = 86_400

const METHODS = ['GET', 'HEAD', 'POST', 'DELETE']

const REQUEST_HEADERS = [
  'Content-Type',
  'Authorization',
  'X-API-Key',
  'X-Request-ID',
  'If-None-Match',
  'Last-Event-ID',
  'traceparent',
]

/** What pages may read besides what the Fetch standard always lets them. */
const ANSWER_HEADERS = [
  'X-Request-ID',
  'RateLimit',
  'RateLimit-Policy',
  'X-RateLimit-Limit',
  'X-RateLimit-Remaining',
  'X-RateLimit-Reset',
  'Retry-After',
  'ETag',
  'Age',
  'Cache-Status',
  'Content-Disposition',
  'Location',
  'Link',
  'Allow',
]

/**
 * Lets the pages of some origins call, without cookies. Preflights pass the limits and the rest of
 * the door as any request does, by the address, because browsers send no key with them.
 */
export const cors = fp(async (app: FastifyInstance, { origins }: CorsOptions) => {
  const policy = {
    origin: [...origins],
    methods: METHODS,
    allowedHeaders: REQUEST_HEADERS,
    exposedHeaders: ANSWER_HEADERS,
    maxAge: MAX_AGE_SECONDS,
    // The route that the library adds answers, after the other hooks.
    preflightContinue: true,
  }
  app.addHook('onRoute', (route) => {
    // A preflight cannot hold a key.
    if (route.url === '*' && route.method === 'OPTIONS') route.config = { access: 'open' }
  })
  await app.register(fastifyCors, {
    delegator: async (request: FastifyRequest) => ({ ...policy, preflight: isPreflight(request) }),
  })
  // What the library sets, routes overwrite: without this, caches would mix up the origins.
  app.addHook('onSend', async (_request, reply) => {
    const fields = String(reply.getHeader('vary')).split(', ')
    reply.header('vary', [...new Set([...fields, 'Origin'])].join(', '))
  })
})

/** Any other OPTIONS request is one for a method that no route has. */
const isPreflight = ({ headers }: FastifyRequest): boolean =>
  headers.origin !== undefined && headers['access-control-request-method'] !== undefined
