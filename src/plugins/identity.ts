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
    /** Whom the request counts for: the key where there is one, else the address. */
    readonly client: string
    /**
     * Whether the key that the client has is still known; true where it has none. For what goes on
     * long after it was let through. Rejects where nobody can tell.
     */
    keyStands(): Promise<boolean>
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
 * Finds out who asks. Where an address tried too many wrong keys, those that people chose are not
 * even looked at, because guessing must not be free; keys of many random bits go on, so that a
 * stranger at the same address cannot lock out their owner. No key is looked at for a request that
 * needs none, or that no route answers: it must not tell whether a key is right. Register after
 * the limits' counts.
 */
export const identity = fp(async (app: FastifyInstance, options: IdentityOptions) => {
  app.decorateRequest('apiKey', null)
  app.decorateRequest('showedWrongKey', false)
  app.decorateRequest('blockedSeconds', 0)
  app.decorateRequest('client', {
    getter() {
      return this.apiKey === null ? `address:${addressOf(this)}` : `key:${this.apiKey.id}`
    },
  })
  const failures = app.createRateLimit({
    max: options.wrongKeysPerMinute,
    timeWindow: 60_000,
    keyGenerator: (request) => `wrong-key:${addressOf(request)}`,
  })
  const blockedSeconds = async (request: FastifyRequest): Promise<number> => {
    const before = await failures(request, { increment: false })
    return before.isAllowed || before.remaining > 0 ? 0 : before.ttlInSeconds
  }
  /** The key, and whether it could have been guessed. */
  const look = async (secret: string, isBlocked: boolean) => {
    for (const source of options.sources) {
      const { canBeGuessed } = source
      const key = isBlocked && canBeGuessed ? undefined : await source.find(secret)
      if (key !== undefined) return { key, canBeGuessed }
    }
    return null
  }
  // The secret is read from the request again, which has it as long as it lasts: kept nowhere else.
  app.decorateRequest('keyStands', async function () {
    return this.apiKey === null || (await look(secretOf(this), false)) !== null
  })
  app.addHook('onRequest', async (request) => {
    const { access } = request.routeOptions.config
    const secret = secretOf(request)
    if (access === undefined || access === 'open' || secret === '') return
    const blocked = await blockedSeconds(request)
    const found = await look(secret, blocked > 0)
    if (found?.canBeGuessed === false) request.apiKey = found.key
    else if (blocked > 0) request.blockedSeconds = blocked
    else if (found !== null) {
      // Looked at again: of guesses that came all at once, the first wrong ones end the others.
      request.blockedSeconds = await blockedSeconds(request)
      if (request.blockedSeconds === 0) request.apiKey = found.key
    } else {
      request.showedWrongKey = true
      const after = await failures(request)
      if (!after.isAllowed && after.isExceeded) request.blockedSeconds = after.ttlInSeconds
    }
  })
})

/** Some proxies write `1.2.3.4:5678` or `[2001:db8::1]:5678`. */
const WITH_PORT = /^(?:([\d.]+):\d+|\[([^\]]+)\](?::\d+)?)$/

/**
 * The client's address: of an IPv6 network what one client is given, a /64. Whoever comes with
 * something else, by way of a proxy that is trusted, shares one with all who do.
 */
export function addressOf({ ip }: FastifyRequest): string {
  const address = WITH_PORT.exec(ip)?.slice(1).find(Boolean) ?? ip
  return isIP(address) === 0 ? 'unknown' : rateLimit.normalizeIP(address)
}

/** `X-API-Key`, else what follows `Authorization: Bearer`; empty where there is neither. */
function secretOf({ headers }: FastifyRequest): string {
  const given = headers['x-api-key']
  if (typeof given === 'string' && given !== '') return given
  return /^Bearer +(.+)$/i.exec(headers.authorization ?? '')?.[1] ?? ''
}
