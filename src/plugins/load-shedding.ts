import underPressure from '@fastify/under-pressure'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { Problem } from '../problems/problem.ts'

export interface SheddingOptions {
  /** Mean delay of the event loop over a second above which requests are refused, ms; 0 for any. */
  readonly maxEventLoopDelayMs: number
  /** Resident memory of the process above which requests are refused, bytes. */
  readonly maxRssBytes: number
}

/** The delay is measured every second: what was shed may be back soon. */
const RETRY_SECONDS = 3

/**
 * Refuses requests while the process cannot keep up, so that it serves some well instead of all
 * badly. Probes are served: who is told that a busy process is dead restarts it. Register before
 * whatever costs time.
 */
export const loadShedding = fp(async (app: FastifyInstance, options: SheddingOptions) => {
  await app.register(underPressure, {
    maxEventLoopDelay: options.maxEventLoopDelayMs,
    maxRssBytes: options.maxRssBytes,
    pressureHandler: async (request) => {
      if (request.routeOptions.config.probe === true) return
      throw new Problem('overloaded', 'The service has too much to do.', {
        retryAfterSeconds: RETRY_SECONDS,
      })
    },
  })
})
