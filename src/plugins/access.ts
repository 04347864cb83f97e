import type { FastifyInstance, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import {
  type ApiKey,
  allows,
  apiKeysFault,
  apiKeysOf,
  findKey,
  type Scope,
} from '../access/api-keys.ts'
import { Problem } from '../problems/problem.ts'
import type { Secret } from '../secret.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The scope that a key must have; without it the route is open. */
    access?: Scope
  }
}

export interface AccessOptions {
  /** A list of `name:scope:secret`; null where no client has a key. */
  readonly keys: Secret | null
}

/** Lets only clients with a key of the right scope through to routes that ask for one. */
export const access = fp(async (app: FastifyInstance, { keys }: AccessOptions) => {
  let list = ''
  let known: readonly ApiKey[] = []
  const refresh = (now: string): void => {
    if (now === list) return
    list = now
    const fault = apiKeysFault(now)
    if (fault === null) known = apiKeysOf(now)
    else app.log.warn({ fault }, 'the list of keys is wrong: the last good one stands')
  }
  app.addHook('onRequest', async (request) => {
    const needed = request.routeOptions.config.access
    if (needed === undefined) return
    if (keys !== null) refresh(await keys.reveal())
    const key = findKey(known, secretOf(request))
    if (key === undefined) throw new Problem('unauthorized', 'This needs a valid key.')
    if (!allows(key, needed)) throw new Problem('forbidden', `This needs the scope ${needed}.`)
  })
})

/** `X-API-Key`, or the token of `Authorization: Bearer`; empty where there is neither. */
function secretOf({ headers }: FastifyRequest): string {
  const given = headers['x-api-key']
  if (typeof given === 'string' && given !== '') return given
  return /^Bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1] ?? ''
}
