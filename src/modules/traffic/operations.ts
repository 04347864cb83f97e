import type { FastifySchema } from 'fastify'
import type { ProblemCode } from '../../problems/problem.ts'
import { corridorParams } from '../../views/corridor-params.ts'
import corridors from './examples/corridors.json' with { type: 'json' }
import map from './examples/map.json' with { type: 'json' }
import snapshot from './examples/snapshot.json' with { type: 'json' }
import {
  corridorListSchema,
  eventStreamSchema,
  geojsonSchema,
  noQuery,
  snapshotQuery,
  snapshotSchema,
  streamHeaders,
} from './schemas.ts'

const tags = ['Traffic']
const headers = ['ETag', 'Cache-Control', 'Age', 'Cache-Status', 'Vary'] as const
const notModified = { description: 'The client has the current one.', headers }

/** Why there may be nothing to serve. */
const problems = [
  'not_found',
  'not_acceptable',
  'quota_exceeded',
  'source_unavailable',
  'network_error',
  'no_coverage',
  'stale_data',
] as const satisfies readonly ProblemCode[]

export const listCorridors = {
  operationId: 'listCorridors',
  tags,
  summary: 'Every corridor with its headline',
  description: 'Against free flow. Where a corridor has nothing to serve, `unavailable` says why.',
  querystring: noQuery,
  answers: {
    200: {
      description: 'The corridors.',
      headers: ['Cache-Control'],
      content: { 'application/json': { schema: corridorListSchema, example: corridors } },
    },
  },
  problems: ['not_acceptable'],
} as const satisfies FastifySchema

export const getSnapshot = {
  operationId: 'getSnapshot',
  tags,
  summary: 'The current snapshot of a corridor with its impact',
  description:
    'The latest that is known, with its age: no provider is asked for it. Rates of a direction and of the corridor are sums over their ok sections; `today` sums since midnight in the time zone of the corridor.',
  params: corridorParams,
  querystring: snapshotQuery,
  answers: {
    200: {
      description: 'The snapshot.',
      headers,
      content: { 'application/json': { schema: snapshotSchema, example: snapshot } },
    },
    304: notModified,
  },
  problems,
} as const satisfies FastifySchema

export const getMap = {
  operationId: 'getMap',
  tags,
  summary: 'The current snapshot of a corridor as GeoJSON',
  description:
    'One LineString for each section, in driving order, longitude before latitude. The media type is application/geo+json also where a client asks for application/json.',
  params: corridorParams,
  querystring: snapshotQuery,
  answers: {
    200: {
      description: 'The sections.',
      headers,
      content: { 'application/geo+json': { schema: geojsonSchema, example: map } },
    },
    304: notModified,
  },
  problems,
} as const satisfies FastifySchema

export const streamSnapshots = {
  operationId: 'streamSnapshots',
  tags,
  summary: 'Each new snapshot of a corridor as it comes',
  description:
    'At once the current snapshot, unless `Last-Event-ID` names it, then each new one, whichever process collected it. A heartbeat comes every 15 seconds. A slow reader gets the newest only, and one that takes nothing is let go once the buffers on the way have been full for a minute. A client may have 10 streams open in a process: another one ends its oldest. A process holds 1,000, and answers 503 beyond them. A stream ends within 15 seconds after the key with which it was opened. Opening one counts as a request.',
  params: corridorParams,
  querystring: snapshotQuery,
  headers: streamHeaders,
  answers: {
    200: {
      description: 'The events, until either side ends it.',
      headers: ['Cache-Control'],
      content: {
        'text/event-stream': {
          schema: eventStreamSchema,
          example: `retry: 3500\n\nid: ${snapshot.snapshot.id}\nevent: snapshot\ndata: ${JSON.stringify(snapshot)}\n\n:\n\n`,
        },
      },
    },
  },
  problems: ['not_found', 'not_acceptable'],
} as const satisfies FastifySchema
