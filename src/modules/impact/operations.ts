import type { FastifySchema } from 'fastify'
import { z } from 'zod'
import asked from './examples/asked.json' with { type: 'json' }
import result from './examples/result.json' with { type: 'json' }
import { impactBody, impactSchema } from './schemas.ts'

export const computeImpact = {
  operationId: 'computeImpact',
  tags: ['Impact'],
  summary: 'The impact of sections that the caller sends',
  description:
    'Stores nothing. A measured flow replaces the estimate and closes the band; without it and without a profile the flow of a section that is not congested is not known, and its numbers are null. Has a limit of its own.',
  querystring: z.strictObject({}),
  body: impactBody,
  bodyExample: asked,
  answers: {
    200: {
      description: 'The impact.',
      headers: ['Cache-Control'],
      content: { 'application/json': { schema: impactSchema, example: result } },
    },
  },
  problems: ['not_acceptable'],
} as const satisfies FastifySchema
