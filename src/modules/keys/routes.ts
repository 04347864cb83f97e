import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { acceptable } from '../../problems/acceptable.ts'
import { createKey, listKeys, revokeKey } from './operations.ts'
import type { KeysView, NewKeyView } from './schemas.ts'
import { type KeysOptions, KeysService } from './service.ts'

/** Makes, shows and ends the keys of clients, for admins only. A key is shown once. */
export const keyRoutes: FastifyPluginAsyncZod<KeysOptions> = async (app, options) => {
  const service = new KeysService(options)
  app.post(
    '/v1/keys',
    {
      config: { access: 'admin' },
      schema: createKey,
      onRequest: acceptable('application/json'),
    },
    async (request, reply): Promise<NewKeyView> => {
      const made = await service.create(request.body)
      request.audited = { event: 'keyCreated', subject: made.id }
      reply.code(201).headers({ 'cache-control': 'no-store', location: `/v1/keys/${made.id}` })
      return made
    },
  )
  app.get(
    '/v1/keys',
    {
      config: { access: 'admin' },
      schema: listKeys,
      onRequest: acceptable('application/json'),
    },
    async (_request, reply): Promise<KeysView> => {
      reply.header('cache-control', 'no-store')
      return { keys: await service.list() }
    },
  )
  app.delete(
    '/v1/keys/:id',
    {
      config: { access: 'admin' },
      schema: revokeKey,
    },
    async (request, reply) => {
      const { id } = request.params
      await service.revoke(id)
      request.audited = { event: 'keyRevoked', subject: id }
      return reply.code(204).send()
    },
  )
}
