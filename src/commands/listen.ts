import type { FastifyBaseLogger, FastifyInstance } from 'fastify'
import { z } from 'zod'

/** How Node says that an address cannot be had: it is taken, not allowed, or not of this machine. */
const noAddress = z.object({ code: z.string(), syscall: z.enum(['listen', 'getaddrinfo']) })

export interface Listening {
  readonly server: FastifyInstance
  /** 0 takes a free one. */
  readonly port: number
  /** The log line of success, before the address. */
  readonly says: string
}

export interface ListenOptions {
  readonly host: string
  readonly log: FastifyBaseLogger
  /** Whether a signal came meanwhile: then no port is opened any more. */
  readonly isStopping: () => boolean
}

/**
 * Opens the ports, one after the other, when all that stands behind them is ready.
 * @returns whether they are open; of one that cannot be had the log says why
 * @throws what else goes wrong at a start
 */
export async function listen(
  servers: readonly Listening[],
  { host, log, isStopping }: ListenOptions,
): Promise<boolean> {
  for (const { server } of servers) await server.ready()
  for (const { server, port, says } of servers)
    try {
      if (isStopping()) return false
      const listenTextResolver = (address: string): string => `${says} at ${address}`
      await server.listen({ host, port, listenTextResolver })
    } catch (error) {
      const fault = noAddress.safeParse(error)
      if (!fault.success) throw error
      log.fatal({ host, port, code: fault.data.code }, 'cannot listen')
      return false
    }
  return true
}
