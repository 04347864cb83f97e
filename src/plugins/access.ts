import type { FastifyInstance, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { allows } from '../access/scopes.ts'
import { Problem } from '../problems/problem.ts'

export interface AccessOptions {
  /** Whether reading needs a key too. */
  readonly reads: 'open' | 'key'
}

/** Names under which clients send keys in a query, in lower case without `-` and `_`. */
const KEY_NAMES = ['key', 'apikey', 'xapikey', 'token', 'accesstoken', 'authorization', 'bearer']

/**
 * Lets only clients through that a route is for. Denies by default: the app does not start while a
 * route does not say whom it is for. Register after the limits, so that refusals count.
 */
export const access = fp(async (app: FastifyInstance, { reads }: AccessOptions) => {
  const routes: { readonly url: string; readonly config: { readonly access?: unknown } }[] = []
  // Plugins set the access of their own routes after this hook: it is looked at when all are there.
  app.addHook('onRoute', (route) => {
    route.config ??= {}
    // The route of the CORS plugin answers preflights, which cannot hold a key.
    if (route.method === 'OPTIONS' && route.url === '*') route.config.access ??= 'open'
    routes.push({ url: route.url, config: route.config })
  })
  app.addHook('onReady', async () => {
    const [silent] = routes.filter(({ config }) => config.access === undefined)
    if (silent !== undefined)
      throw new Error(`the route ${silent.url} does not say who may call it`)
  })
  app.addHook('onRequest', async (request, reply) => {
    if (request.is404) return
    if (request.blockedSeconds > 0) {
      reply.exceeded = 'wrongKeys'
      throw new Problem('rate_limited', 'Too many wrong keys were tried from this address.', {
        retryAfterSeconds: request.blockedSeconds,
      })
    }
    if (holdsKey(request))
      throw new Problem(
        'invalid_input',
        'A key must never be in the URL, where it is logged on its way: send it as X-API-Key, and replace this one.',
      )
    const { access: needed = 'admin' } = request.routeOptions.config
    if (needed === 'open') return
    if (needed === 'read' && reads === 'open' && !request.showedWrongKey) return
    const { apiKey } = request
    if (apiKey === null) throw new Problem('unauthorized', 'This needs a valid key.')
    if (!allows(apiKey.scope, needed))
      throw new Problem('forbidden', `This needs the scope ${needed}.`)
  })
})

function holdsKey({ url }: FastifyRequest): boolean {
  const at = url.indexOf('?')
  if (at === -1) return false
  const names = [...new URLSearchParams(url.slice(at)).keys()]
  return names.some((name) => KEY_NAMES.includes(name.toLowerCase().replaceAll(/[-_]/g, '')))
}
