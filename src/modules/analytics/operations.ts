import type { FastifySchema } from 'fastify'
import analytics from './examples/analytics.json' with { type: 'json' }
import summary from './examples/summary.json' with { type: 'json' }
import { analyticsQuery, analyticsSchema, summaryQuery, summarySchema } from './schemas.ts'

const tags = ['Operation']
const headers = ['Cache-Control'] as const

export const getAnalytics = {
  operationId: 'getAnalytics',
  tags,
  summary: 'Figures of requests, errors, cache and freshness',
  description: "Of this process since its start and, where asked for, of each day's processes.",
  querystring: analyticsQuery,
  answers: {
    200: {
      description: 'The figures.',
      headers,
      content: { 'application/json': { schema: analyticsSchema, example: analytics } },
    },
  },
  problems: ['not_acceptable', 'source_unavailable'],
} as const satisfies FastifySchema

export const getAnalyticsSummary = {
  operationId: 'getAnalyticsSummary',
  tags,
  summary: 'The figures in short, for a screen',
  description: 'The status is that of the data, not of the counters.',
  querystring: summaryQuery,
  answers: {
    200: {
      description: 'The short form.',
      headers,
      content: { 'application/json': { schema: summarySchema, example: summary } },
    },
  },
  problems: ['not_acceptable'],
} as const satisfies FastifySchema
