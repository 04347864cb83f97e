import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { problemFrom } from '../problems/from-error.ts'
import { Problem } from '../problems/problem.ts'
import { sendProblem } from '../problems/send.ts'

/**
 * Renders every failure of a route, of a hook and of the framework as a problem. A known path
 * with a wrong method is a 405 with `Allow`, any other a 404. Register before the routes.
 */
export const problems = fp(async (app: FastifyInstance) => {
  const methodsOf = new Map<string, Set<string>>()
  app.decorateReply('problemCode', null)
  app.addHook('onRoute', ({ url, method }) => {
    const methods = methodsOf.get(url) ?? new Set<string>()
    for (const one of [method].flat()) methods.add(one)
    methodsOf.set(url, methods)
  })
  app.setErrorHandler((error, request, reply) => {
    const problem = problemFrom(error)
    if (problem.code === 'internal_error') request.log.error({ err: error }, 'request broke')
    return sendProblem(reply, problem, request.id)
  })
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.replace(/\?.*$/s, '')
    const allow = [...methodsOf].find(([pattern]) => matches(pattern, path))?.[1]
    const problem =
      allow === undefined
        ? new Problem('not_found', 'There is no such path.')
        : new Problem('method_not_allowed', 'The path is known, but not with this method.', {
            allow: [...allow],
          })
    return sendProblem(reply, problem, request.id)
  })
  app.addHook('onRequest', async ({ headers, raw }) => {
    const hosts = raw.rawHeaders.filter((name, at) => at % 2 === 0 && /^host$/i.test(name))
    if (hosts.length > 1 || (hosts.length === 0 && raw.httpVersion === '1.1'))
      throw new Problem('invalid_input', 'There must be one Host header.')
    if ((headers['content-encoding'] ?? 'identity') !== 'identity')
      throw new Problem('unsupported_media_type', 'The body must not be compressed.')
    if (headers.expect !== undefined && headers.expect.toLowerCase() !== '100-continue')
      throw new Problem('invalid_input', 'The Expect header asks for something unknown.')
  })
})

/** True when a path has the parts of a route's pattern; `:name` stands for any one part. */
function matches(pattern: string, path: string): boolean {
  const wanted = pattern.split('/')
  const given = path.split('/')
  return (
    wanted.length === given.length &&
    wanted.every((part, index) => part.startsWith(':') || part === given[index])
  )
}
