import type { FastifySchema } from 'fastify'
import report from './examples/report.json' with { type: 'json' }
import { healthSchema, livenessSchema, readinessSchema } from './schemas.ts'

const tags = ['Operation']
const headers = ['Cache-Control'] as const

export const getLiveness = {
  operationId: 'getLiveness',
  tags,
  summary: 'Whether the process can answer',
  description: 'Checks nothing else. Never limited.',
  answers: {
    200: {
      description: 'It can.',
      headers,
      content: { 'application/json': { schema: livenessSchema, example: { status: 'alive' } } },
    },
  },
} as const satisfies FastifySchema

export const getReadiness = {
  operationId: 'getReadiness',
  tags,
  summary: 'Whether the process should be sent requests',
  description:
    'Not while it starts or stops, while the database waits for a migration, or while no snapshot is young enough to serve. Never limited.',
  answers: {
    200: {
      description: 'It should.',
      headers,
      content: { 'application/json': { schema: readinessSchema, example: { status: 'ready' } } },
    },
  },
  problems: ['overloaded', 'source_unavailable'],
} as const satisfies FastifySchema

export const getHealth = {
  operationId: 'getHealth',
  tags,
  summary: 'The full report',
  description:
    'From what background work last saw: it asks no provider and waits for no database. Never limited.',
  answers: {
    200: {
      description: 'Healthy or degraded.',
      headers,
      content: { 'application/json': { schema: healthSchema, example: report } },
    },
    503: {
      description: 'Unhealthy: there is nothing to serve.',
      headers,
      content: {
        'application/json': {
          schema: healthSchema,
          example: {
            ...report,
            status: 'unhealthy',
            checks: {
              ...report.checks,
              cache: { status: 'warning', entries: 0 },
              dataFreshness: { status: 'unknown', lastObservedAt: null, ageSeconds: null },
            },
          },
        },
      },
    },
  },
} as const satisfies FastifySchema
