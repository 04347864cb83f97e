import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'

declare module 'fastify' {
  interface FastifyInstance {
    /** Where the process is in its life. */
    lifecycle: { readonly draining: boolean }
  }
}

export interface LifecycleOptions {
  /** How long open requests may take after the stop began, ms. */
  readonly drainMs: number
}

/**
 * The stop: requests in flight get their answer and the end of their connection, so that
 * keep-alive clients do not hold the process. What is still open after `drainMs` is cut off:
 * a client that connected and never sent a request would otherwise hold it for a minute.
 */
export const lifecycle = fp(async (app: FastifyInstance, { drainMs }: LifecycleOptions) => {
  const state = { draining: false }
  app.decorate('lifecycle', state)
  app.addHook('preClose', async () => {
    state.draining = true
    setTimeout(() => app.server.closeAllConnections(), drainMs).unref()
  })
  app.addHook('onSend', async (_request, reply) => {
    if (state.draining) reply.header('connection', 'close')
  })
})
