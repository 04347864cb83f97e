import querystring from 'node:querystring'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { holdsIssuedKey } from '../access/issued-key.ts'
import { allows, SCOPES } from '../access/scopes.ts'
import { Problem } from '../problems/problem.ts'

export interface AccessOptions {
  /** Whether reading needs a key too. */
  readonly reads: 'open' | 'key'
}

/** Names under which clients send keys in a query, in lower case and of their letters alone. */
const KEY_NAMES = ['key', 'apikey', 'xapikey', 'token', 'accesstoken', 'authorization', 'bearer']

const ANSWERS: readonly unknown[] = ['open', ...SCOPES]

/**
 * Lets only clients through that a route is for. Denies by default: the app does not start while a
 * route does not say whom it is for. Register after the limits, so that refusals count.
 */
export const access = fp(async (app: FastifyInstance, { reads }: AccessOptions) => {
  const routes: { readonly url: string; readonly config: { readonly access?: unknown } }[] = []
  // Plugins set the access of their own routes after this hook: it is looked at when all are there.
  app.addHook('onRoute', (route) => {
    route.config ??= {}
    routes.push({ url: route.url, config: route.config })
  })
  app.addHook('onReady', async () => {
    const silent = routes.filter(({ config }) => !ANSWERS.includes(config.access))
    if (silent.length > 0)
      throw new Error(
        `routes that do not say who may call them: ${silent.map(({ url }) => url).join(', ')}`,
      )
  })
  app.addHook('onRequest', async (request, reply) => {
    if (holdsKey(request))
      throw new Problem(
        'invalid_input',
        'A key must never be in the URL, where it is logged on its way: send it as X-API-Key, and replace this one.',
      )
    if (request.is404) return
    if (request.blockedSeconds > 0) {
      reply.exceeded = 'wrongKeys'
      throw new Problem('rate_limited', 'Too many wrong keys were tried from this address.', {
        retryAfterSeconds: request.blockedSeconds,
      })
    }
    const { access: needed = 'admin' } = request.routeOptions.config
    if (needed === 'open') return
    if (needed === 'read' && reads === 'open' && !request.showedWrongKey) return
    const { apiKey } = request
    if (apiKey === null)
      throw new Problem(
        'unauthorized',
        'This needs a valid key, as X-API-Key or as Authorization: Bearer.',
      )
    if (!allows(apiKey.scope, needed))
      throw new Problem('forbidden', `This needs the scope ${needed}.`)
  })
})

/** By the name of a parameter, or because it looks like a key that we issue. */
function holdsKey({ query, url }: FastifyRequest): boolean {
  const names = Object.keys(Object(query)).map((name) => name.toLowerCase())
  return (
    names.some((name) => KEY_NAMES.includes(name.replaceAll(/[^a-z]/g, ''))) ||
    holdsIssuedKey(querystring.unescape(url))
  )
}
