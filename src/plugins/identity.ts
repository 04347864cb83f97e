import { isIP } from 'node:net'
import rateLimit from '@fastify/rate-limit'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { ApiKey, KeySource } from '../access/api-key.ts'
import type { Access } from '../access/scopes.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What the route asks of whoever calls it. A route that does not say it cannot start. */
    access?: Access
  }
  interface FastifyRequest {
    /** The key that the client has; null where it has none that is known. */
    apiKey: ApiKey | null
    /** Whether the client showed a key that nobody knows. */
    showedWrongKey: boolean
    /** For how long the keys of this address are not looked at, s; 0 where they are. */
    blockedSeconds: number
  }
}

export interface IdentityOptions {
  /** Where keys are looked for, in turn. */
  readonly sources: readonly KeySource[]
  /** How many wrong keys an address may try in a minute. */
  readonly wrongKeysPerMinute: number
}

/**
 * Finds out who asks. The keys of an address that tried too many wrong ones are not even looked at,
 * because guessing must not be free. Nor are those of a request that needs none, or that no route
 * answers: it must not tell whether a key is right. Register after the limits' counts.
 */
export const identity = fp(async (app: FastifyInstance, options: IdentityOptions) => {
  app.decorateRequest('apiKey', null)
  app.decorateRequest('showedWrongKey', false)
  app.decorateRequest('blockedSeconds', 0)
  const failures = app.createRateLimit({
    max: options.wrongKeysPerMinute,
    timeWindow: 60_000,
    keyGenerator: (request) => `wrong-key:${addressOf(request)}`,
  })
  app.addHook('onRequest', async (request) => {
    const { access } = request.routeOptions.config
    const secret = secretOf(request)
    if (access === undefined || access === 'open' || secret === '') return
    const isBlocked = async (): Promise<boolean> => {
      const before = await failures(request, { increment: false })
      if (before.isAllowed || before.remaining > 0) return false
      request.blockedSeconds = before.ttlInSeconds
      return true
    }
    if (await isBlocked()) return
    let found: ApiKey | null = null
    for (const source of options.sources) found ??= (await source.find(secret)) ?? null
    if (found !== null) {
      // Looked at again: of guesses that came all at once, the first wrong ones end the others.
      if (!(await isBlocked())) request.apiKey = found
      return
    }
    request.showedWrongKey = true
    const after = await failures(request)
    if (!after.isAllowed && after.isExceeded) request.blockedSeconds = after.ttlInSeconds
  })
})

/**
 * The client's address: of an IPv6 network what one client is given, a /64. Whoever comes with
 * something else, by way of a proxy that is trusted, shares one with all who do.
 */
export const addressOf = ({ ip }: FastifyRequest): string =>
  isIP(ip) === 0 ? 'unknown' : rateLimit.normalizeIP(ip)

/** `X-API-Key`, else what follows `Authorization: Bearer`; empty where there is neither. */
function secretOf({ headers }: FastifyRequest): string {
  const given = headers['x-api-key']
  if (typeof given === 'string' && given !== '') return given
  return /^Bearer +(.+)$/i.exec(headers.authorization ?? '')?.[1] ?? ''
}
