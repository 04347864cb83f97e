import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify'
import { problemFrom } from './problems/from-error.ts'
import { Problem } from './problems/problem.ts'
import { problemOfParser } from './problems/raw-socket.ts'
import { Refusals } from './problems/refusals.ts'
import { sendProblem } from './problems/send.ts'

/** Largest body, bytes. */
const BODY_LIMIT = 1024 * 1024
/** Longest time for a request to arrive, ms. */
const REQUEST_TIMEOUT_MS = 30_000
/** Longest part of a path. */
const MAX_PARAM_LENGTH = 100

const CLIENT_REQUEST_ID = /^[A-Za-z0-9._-]{1,64}$/

/** The client's own request id when it is well formed, else a new one. */
function requestIdOf({ headers }: Pick<IncomingMessage, 'headers'>): string {
  const own = headers['x-request-id']
  return typeof own === 'string' && CLIENT_REQUEST_ID.test(own) ? own : randomUUID()
}

/**
 * The HTTP server without routes: limits, request ids, and problem answers where the framework or
 * the HTTP parser fails before any route is found.
 */
export function createServer(log: FastifyBaseLogger): FastifyInstance {
  const refusals = new Refusals(log)
  const server = fastify({
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: BODY_LIMIT,
    requestTimeout: REQUEST_TIMEOUT_MS,
    routerOptions: { maxParamLength: MAX_PARAM_LENGTH },
    requestIdHeader: false,
    genReqId: requestIdOf,
    // While draining, a request that still comes in is served; lifecycle closes its connection.
    return503OnClosing: false,
    // A missing Host header must reach the hooks, which answer with a problem.
    http: { requireHostHeader: false },
    frameworkErrors: (error, request, reply) => {
      const problem = problemFrom(error)
      request.log.info({ code: problem.code, detail: problem.message }, 'request refused')
      sendProblem(reply, problem, request.id)
    },
    clientErrorHandler: (error, socket) => refusals.refuse(socket, problemOfParser(error.code)),
  })
  // Only JSON is read; the framework's parser for plain text would let it through to the schemas.
  server.removeContentTypeParser('text/plain')
  // Node answers an unknown Expect header by itself; here it must reach the hooks.
  server.server.on('checkExpectation', (request, response) =>
    server.server.emit('request', request, response),
  )
  server.server.on('request', refusals.track)
  server.server.on('connect', (_request, socket) =>
    refusals.refuse(
      socket,
      new Problem('method_not_allowed', 'This is not a proxy.', { allow: ['GET'] }),
    ),
  )
  return server
}
