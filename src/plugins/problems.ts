import type { FastifyInstance, FastifyRequest } from 'fastify'
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
    // The route by which CORS is told of preflights to any path.
    if (url === '*') return
    const methods = methodsOf.get(url) ?? new Set<string>()
    for (const one of [method].flat()) methods.add(one)
    methodsOf.set(url, methods)
  })
  app.setErrorHandler((error, request, reply) => {
    const problem = problemFrom(error)
    if (problem.code === 'internal_error') request.log.error({ err: error }, 'request broke')
    return sendProblem(reply, problem, request.id)
  })
  const unknownRoute = ({ url }: FastifyRequest): Problem => {
    // A proxy may send the address with the host before it (RFC 9112, 3.2.2).
    const path = url.replace(/^https?:\/\/[^/?]*/i, '').replace(/\?.*$/s, '')
    const allow = [...methodsOf].find(([pattern]) => matches(pattern, path))?.[1]
    if (allow === undefined) return new Problem('not_found', 'There is no such path.')
    const detail = 'The path is known, but not with this method.'
    return new Problem('method_not_allowed', detail, { allow: [...allow] })
  }
  app.setNotFoundHandler((request, reply) => sendProblem(reply, unknownRoute(request), request.id))
  // After the limits, but before a body is read that nobody wants.
  app.addHook('preParsing', async (request) => {
    if (request.is404) throw unknownRoute(request)
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
