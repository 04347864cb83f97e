import swaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance, FastifyPluginAsync } from 'fastify'
import fp from 'fastify-plugin'
import { getOpenapi } from '../openapi/operations.ts'

/** How long clients may keep the document, s. It changes with the version of the service alone. */
const MAX_AGE_SECONDS = 300

/** What the page may load: its own files, and the images that stand in them. Nobody may frame it. */
const PAGE_POLICY = {
  'default-src': "'none'",
  'script-src': "'self'",
  'style-src': "'self'",
  'img-src': "'self' data:",
  'connect-src': "'self'",
  'base-uri': "'none'",
  'form-action': "'none'",
  'frame-ancestors': "'none'",
}

/** The page. Its routes are of a library, which does not know of access. */
const page: FastifyPluginAsync = async (app) => {
  app.addHook('onRoute', ({ config }) => {
    if (config !== undefined) config.access = 'open'
  })
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    staticCSP: PAGE_POLICY,
    theme: { title: 'Ayalon congestion impact' },
    transformSpecification: () => app.openapi(),
    transformSpecificationClone: false,
  })
}

/** The document, and a page that shows it and needs no other host. Register after the door. */
export const docs = fp(async (app: FastifyInstance) => {
  app.get(
    '/openapi.json',
    { config: { access: 'open' }, schema: getOpenapi },
    async (_request, reply) => {
      reply.header('cache-control', `public, max-age=${MAX_AGE_SECONDS}`)
      return app.openapi()
    },
  )
  await app.register(page)
})
