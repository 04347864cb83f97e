import type { FastifySchema } from 'fastify'
import { z } from 'zod'
import upstream from './examples/upstream.json' with { type: 'json' }
import { upstreamSchema } from './schemas.ts'

export const getUpstream = {
  operationId: 'getUpstream',
  tags: ['Operation'],
  summary: 'How the providers are asked',
  description: 'The budgets and their use, the breakers, the plan of polls. Asks no provider.',
  querystring: z.strictObject({}),
  answers: {
    200: {
      description: 'The providers, in the order in which they are preferred.',
      headers: ['Cache-Control'],
      content: { 'application/json': { schema: upstreamSchema, example: upstream } },
    },
  },
  problems: ['not_acceptable'],
} as const satisfies FastifySchema
