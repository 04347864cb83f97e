import type { FastifySchema } from 'fastify'
import { corridorParams } from '../../views/corridor-params.ts'
import history from './examples/history.json' with { type: 'json' }
import csv from './examples/history-csv.json' with { type: 'json' }
import { historyCsv, historyQuery, historySchema } from './schemas.ts'

export const getHistory = {
  operationId: 'getHistory',
  tags: ['Traffic'],
  summary: 'What congestion cost over time',
  description:
    'Totals of each bucket of a range, a page of JSON, or all of it as a CSV download. What was not measured is a bucket with null amounts. Totals never mix live and simulated data. At most 10,000 buckets.',
  params: corridorParams,
  querystring: historyQuery,
  answers: {
    200: {
      description: 'The totals.',
      headers: ['Cache-Control', 'Vary', 'Content-Disposition'],
      content: {
        'application/json': { schema: historySchema, example: history },
        'text/csv': { schema: historyCsv, example: `${csv.join('\n')}\n` },
      },
    },
  },
  problems: ['not_found', 'not_acceptable', 'source_unavailable'],
} as const satisfies FastifySchema
