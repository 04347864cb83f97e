import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { parseTraceparent } from '../tracing/traceparent.ts'
import type { Tracer } from '../tracing/tracer.ts'
import { onAnswerEnd } from './answer-end.ts'

export interface TracingOptions {
  /** Null where nobody collects traces. */
  readonly tracer: Tracer | null
}

/**
 * Names the trace of a request in all of its log lines: that of its `traceparent`, else the one that
 * begins with it where traces are collected. Probes would drown the others and are not traced.
 * Register before the request log.
 */
export const tracing = fp(async (app: FastifyInstance, { tracer }: TracingOptions) => {
  app.addHook('onRequest', async (request, reply) => {
    const { method, protocol: scheme, headers, routeOptions } = request
    const parent = parseTraceparent(headers.traceparent)
    const isProbe = routeOptions.config.probe === true
    const span = isProbe ? undefined : tracer?.begin({ method, scheme }, parent)
    if (span !== undefined)
      onAnswerEnd(reply, (status) => span.end({ route: routeOptions.url ?? null, status }))
    const traceId = span?.traceId ?? parent?.traceId
    if (traceId === undefined) return
    request.log = request.log.child({ traceId })
    reply.log = request.log
  })
  app.addHook('onClose', () => tracer?.stop())
})
