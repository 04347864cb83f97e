import accepts from '@fastify/accepts'
import type { FastifyInstance, onRequestAsyncHookHandler } from 'fastify'
import fp from 'fastify-plugin'
import { Problem } from '../problems/problem.ts'

/** Lets routes read the Accept headers by the rules of RFC 9110. */
export const negotiation = fp(async (app: FastifyInstance) => {
  await app.register(accepts)
})

/** Refuses a request that accepts none of a route's media types. */
export const acceptable =
  (...types: string[]): onRequestAsyncHookHandler =>
  async (request) => {
    const ranges = (request.headers.accept ?? '').toLowerCase().split(',').map(withoutParameters)
    const named = types.some((type) => ranges.includes(type))
    if (!named && request.accepts().type(types) === false)
      throw new Problem('not_acceptable', `This path answers with ${types.join(' or ')}.`)
  }

/** JSON has no parameters that matter, but clients send `charset` with it. */
const withoutParameters = (range: string): string => range.replace(/;.*$/, '').trim()
