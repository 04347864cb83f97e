import type { FastifySchema } from 'fastify'
import { z } from 'zod'
import asked from './examples/asked.json' with { type: 'json' }
import key from './examples/key.json' with { type: 'json' }
import { keyBody, keyParams, keysSchema, newKeySchema } from './schemas.ts'

const tags = ['Keys']
const querystring = z.strictObject({})

export const createKey = {
  operationId: 'createKey',
  tags,
  summary: 'Make a key',
  description: 'The answer shows the key this once: it is kept as a hash alone.',
  querystring,
  body: keyBody,
  bodyExample: asked,
  answers: {
    201: {
      description: 'The new key.',
      headers: ['Cache-Control', 'Location'],
      content: {
        'application/json': {
          schema: newKeySchema,
          example: { ...key, key: 'ayalon_3f6f2c1ab7d04e95_<43 letters, digits, - and _>' },
        },
      },
    },
  },
  problems: ['not_acceptable', 'conflict', 'source_unavailable'],
} as const satisfies FastifySchema

export const listKeys = {
  operationId: 'listKeys',
  tags,
  summary: 'Every key, without its secret',
  description: 'Those of the environment, then those of the database, the oldest first.',
  querystring,
  answers: {
    200: {
      description: 'The keys.',
      headers: ['Cache-Control'],
      content: { 'application/json': { schema: keysSchema, example: { keys: [key] } } },
    },
  },
  problems: ['not_acceptable', 'source_unavailable'],
} as const satisfies FastifySchema

export const revokeKey = {
  operationId: 'revokeKey',
  tags,
  summary: 'End a key',
  description: 'It is refused from then on. A key of the environment ends by taking it out there.',
  params: keyParams,
  querystring,
  answers: { 204: { description: 'It is ended.', headers: [] } },
  problems: ['not_found', 'conflict', 'source_unavailable'],
} as const satisfies FastifySchema
