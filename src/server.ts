import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify'
import type { Config } from './config/config.ts'
import { problemFrom } from './problems/from-error.ts'
import { Problem } from './problems/problem.ts'
import { problemOfParser } from './problems/raw-socket.ts'
import { Refusals } from './problems/refusals.ts'
import { sendProblem } from './problems/send.ts'
import { SECURITY_HEADERS } from './security-headers.ts'

/** Largest body, bytes. */
const BODY_LIMIT = 1024 * 1024
/** Largest URL and headers together, bytes. */
const MAX_HEADER_SIZE = 16 * 1024
/** Longest part of a path. */
const MAX_PARAM_LENGTH = 100
/** How often late requests are looked for, ms. */
const CHECK_EVERY_MS = 500
/** How long a connection is kept for the next request, ms: longer than proxies do, mostly 60 s. */
const KEEP_ALIVE_MS = 72_000
/** How long neither side may send while a request is answered, ms. */
const IDLE_TIMEOUT_MS = 120_000

const CLIENT_REQUEST_ID = /^[A-Za-z0-9._-]{1,64}$/

/** The client's own request id when it is well formed, else a new one. */
function requestIdOf({ headers }: Pick<IncomingMessage, 'headers'>): string {
  const own = headers['x-request-id']
  return typeof own === 'string' && CLIENT_REQUEST_ID.test(own) ? own : randomUUID()
}

/** The part of the configuration that is about the connections. */
export type ServerConfig = Pick<
  Config,
  'HEADERS_TIMEOUT_SECONDS' | 'REQUEST_TIMEOUT_SECONDS' | 'TRUST_PROXY'
>

/** Given a number of proxies, Fastify trusts none at all; a function can count them. */
const trusted = (proxies: ServerConfig['TRUST_PROXY']) =>
  typeof proxies === 'number'
    ? (_address: string, hop: number) => hop < proxies
    : (proxies ?? false)

/**
 * The HTTP server without routes: limits, request ids, and problem answers where the framework or
 * the HTTP parser fails before any route is found.
 */
export function createServer(log: FastifyBaseLogger, config: ServerConfig): FastifyInstance {
  const refusals = new Refusals(log)
  const server = fastify({
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: BODY_LIMIT,
    requestTimeout: config.REQUEST_TIMEOUT_SECONDS * 1000,
    keepAliveTimeout: KEEP_ALIVE_MS,
    connectionTimeout: IDLE_TIMEOUT_MS,
    trustProxy: trusted(config.TRUST_PROXY),
    routerOptions: { maxParamLength: MAX_PARAM_LENGTH },
    requestIdHeader: false,
    genReqId: requestIdOf,
    // While draining, a request that still comes in is served; lifecycle closes its connection.
    return503OnClosing: false,
    http: {
      // A missing Host header must reach the hooks, which answer with a problem.
      requireHostHeader: false,
      maxHeaderSize: MAX_HEADER_SIZE,
      headersTimeout: config.HEADERS_TIMEOUT_SECONDS * 1000,
      connectionsCheckingInterval: CHECK_EVERY_MS,
    },
    frameworkErrors: (error, request, reply) => {
      const problem = problemFrom(error)
      const line = { method: request.method, status: problem.status, code: problem.code }
      request.log.info({ ...line, detail: problem.message }, 'request refused')
      sendProblem(reply.headers(SECURITY_HEADERS), problem, request.id)
      refusals.note(problem)
    },
    clientErrorHandler: (error, socket) => {
      // Nothing was ever asked: an answer would be taken for that to the first request.
      if (socket.bytesRead === 0) socket.destroy()
      else refusals.refuse(socket, problemOfParser(error.code))
    },
  })
  server.decorate('refusals', refusals)
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
