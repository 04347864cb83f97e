import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { Problem } from '../problems/problem.ts'

/** Most headers of a request. */
const MOST_HEADERS = 100
/** Longest path and query. */
const LONGEST_URL = 2048

/** Refuses requests whose head no route could want, which the HTTP parser lets through. */
export const wellFormed = fp(async (app: FastifyInstance) => {
  app.addHook('onRequest', async ({ headers, raw, url }) => {
    if (raw.rawHeaders.length > 2 * MOST_HEADERS)
      throw new Problem('payload_too_large', `There are more than ${MOST_HEADERS} headers.`)
    if (url.length > LONGEST_URL)
      throw new Problem('invalid_input', `The URL has more than ${LONGEST_URL} characters.`)
    const hosts = raw.rawHeaders.filter((name, at) => at % 2 === 0 && /^host$/i.test(name))
    if (hosts.length > 1 || (hosts.length === 0 && raw.httpVersion === '1.1'))
      throw new Problem('invalid_input', 'There must be one Host header.')
    if ((headers['content-encoding'] ?? 'identity') !== 'identity')
      throw new Problem('unsupported_media_type', 'The body must not be compressed.')
    if (headers.expect !== undefined && headers.expect.toLowerCase() !== '100-continue')
      throw new Problem('invalid_input', 'The Expect header asks for something unknown.')
  })
})
