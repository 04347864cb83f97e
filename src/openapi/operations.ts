import type { FastifySchema } from 'fastify'
import { z } from 'zod'

const documentSchema = z
  .looseObject({ openapi: z.string() })
  .meta({ id: 'OpenApiDocument', description: 'An OpenAPI document.' })

const metricsSchema = z
  .string()
  .meta({ id: 'Metrics', description: 'The text format of Prometheus, version 0.0.4.' })

export const getMetrics = {
  operationId: 'getMetrics',
  tags: ['Operation'],
  summary: 'Metrics for Prometheus',
  description: 'Here unless METRICS_PORT gives them a port of their own. Never limited.',
  answers: {
    200: {
      description: 'The metrics.',
      headers: ['Cache-Control'],
      content: {
        'text/plain': {
          schema: metricsSchema,
          example:
            '# HELP ayalon_snapshot_age_seconds Age of the last good observation of a corridor in seconds, also where it is too old to be served.\n# TYPE ayalon_snapshot_age_seconds gauge\nayalon_snapshot_age_seconds{corridor="ayalon"} 0\n',
        },
      },
    },
  },
} as const satisfies FastifySchema

export const getOpenapi = {
  operationId: 'getOpenapi',
  tags: ['Operation'],
  summary: 'This document',
  description: 'Made from the schemas that validate. `GET /docs` is a page that shows it.',
  answers: {
    200: {
      description: 'The document.',
      headers: ['Cache-Control'],
      content: {
        'application/json': {
          schema: documentSchema,
          example: { openapi: '3.1.0', info: { title: 'Ayalon congestion impact' }, paths: {} },
        },
      },
    },
  },
} as const satisfies FastifySchema
