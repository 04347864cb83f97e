import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { cacheResult } from '../statistics/served.ts'
import { onAnswerEnd } from './answer-end.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** A probe, which is logged at debug only. */
    probe?: boolean
  }
}

/**
 * One line a request, also an aborted one. The route's pattern stands for the URL, which may hold
 * anything. Register before whatever may refuse a request.
 */
export const requestLog = fp(async (app: FastifyInstance) => {
  app.addHook('onRequest', async (request, reply) => {
    onAnswerEnd(reply, (status) => {
      const message = status === null ? 'request aborted' : 'request'
      request.log[levelOf(request, status)](lineOf(request, reply, status), message)
    })
  })
})

function levelOf(request: FastifyRequest, status: number | null): 'debug' | 'info' | 'warn' {
  if (request.routeOptions.config.probe === true) return 'debug'
  return status !== null && status >= 500 ? 'warn' : 'info'
}

const lineOf = (request: FastifyRequest, reply: FastifyReply, status: number | null) => ({
  method: request.method,
  route: request.routeOptions.url ?? null,
  status,
  durationMs: Math.round(reply.elapsedTime * 10) / 10,
  keyId: request.apiKey?.id ?? null,
  cache: cacheResult(request.served),
  code: reply.problemCode,
})
