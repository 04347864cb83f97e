import type { FastifyBaseLogger, FastifyInstance } from 'fastify'
import type { Scrapable } from './metrics/registry.ts'
import { lifecycle } from './plugins/lifecycle.ts'
import { scraping } from './plugins/metrics.ts'
import { problems } from './plugins/problems.ts'
import { requestId } from './plugins/request-id.ts'
import { securityHeaders } from './plugins/security-headers.ts'
import { wellFormed } from './plugins/well-formed.ts'
import { createServer, type ServerConfig } from './server.ts'

/** A scrape takes milliseconds: whoever takes longer than this at a stop is cut off, ms. */
const DRAIN_MS = 500

/** A server for scrapers alone, to listen on a port of its own. */
export async function metricsServer(
  metrics: Scrapable,
  log: FastifyBaseLogger,
  config: ServerConfig,
): Promise<FastifyInstance> {
  const server = createServer(log, config)
  await server.register(requestId)
  await server.register(problems)
  await server.register(securityHeaders)
  await server.register(wellFormed)
  await server.register(lifecycle, { drainMs: DRAIN_MS })
  await server.register(scraping, { metrics })
  return server
}
