import type { onRequestAsyncHookHandler } from 'fastify'
import { Problem } from './problem.ts'

/** Refuses a request that accepts none of a route's media types. */
export const acceptable =
  (...types: string[]): onRequestAsyncHookHandler =>
  async (request) => {
    const named = (request.headers.accept ?? '').toLowerCase().split(',').filter(isWanted)
    const bare = named.map((range) => range.replace(/;.*/, '').trim())
    if (!types.some((type) => bare.includes(type)) && request.accepts().type(types) === false)
      throw new Problem('not_acceptable', `This path answers with ${types.join(' or ')}.`)
  }

/** JSON has no parameters that matter, but clients send `charset` with it; only `q=0` says no. */
const isWanted = (range: string): boolean => !/;\s*q=0(\.0*)?\s*$/.test(range)
