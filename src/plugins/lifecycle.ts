import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'

declare module 'fastify' {
  interface FastifyInstance {
    /** Where the process is in its life. */
    lifecycle: {
      readonly draining: boolean
      /** From now on readiness says no, and each answer ends its connection; requests are served on. */
      drain(): void
    }
  }
}

export interface LifecycleOptions {
  /** How long open requests may take once no new ones are taken, ms. */
  readonly drainMs: number
}

/**
 * The stop: requests in flight get their answer and the end of their connection, so that
 * keep-alive clients do not hold the process. Connections on which nothing was ever sent end at
 * once, and what is still open after `drainMs`: the server alone would wait a minute for them.
 */
export const lifecycle = fp(async (app: FastifyInstance, { drainMs }: LifecycleOptions) => {
  const state = {
    draining: false,
    drain: () => {
      state.draining = true
    },
  }
  app.decorate('lifecycle', state)
  const sockets = new Set<Socket>()
  app.server.on('connection', (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  app.addHook('preClose', async () => {
    state.drain()
    for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy()
    setTimeout(() => app.server.closeAllConnections(), drainMs).unref()
  })
  app.addHook('onSend', async (_request, reply) => {
    if (state.draining) reply.header('connection', 'close')
  })
})
