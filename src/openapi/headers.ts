/** The headers of answers, as the document describes them. */
export const HEADERS = {
  'X-Request-ID': {
    description: "Names the request in the log. The client's own, where it is well formed.",
    required: true,
    schema: { type: 'string', pattern: '^[A-Za-z0-9._-]{1,64}$' },
    example: '5dee864d-1451-4e8c-8c56-9461da7ddb6a',
  },
  'RateLimit-Policy': {
    description: 'Every limit: its name, how many requests, and the seconds of its window.',
    schema: { type: 'string' },
    example: '"minute";q=100;w=60, "hour";q=1000;w=3600',
  },
  RateLimit: {
    description: 'Of every limit, how many requests are left, and the seconds until it is whole.',
    schema: { type: 'string' },
    example: '"minute";r=99;t=60, "hour";r=999;t=3600',
  },
  'X-RateLimit-Limit': {
    description: 'Requests that the nearest limit allows.',
    schema: { type: 'integer', minimum: 0 },
    example: 100,
  },
  'X-RateLimit-Remaining': {
    description: 'Requests that are left of it.',
    schema: { type: 'integer', minimum: 0 },
    example: 99,
  },
  'X-RateLimit-Reset': {
    description: 'Seconds until it is whole again.',
    schema: { type: 'integer', minimum: 0 },
    example: 60,
  },
  'Retry-After': {
    description: 'Seconds after which to ask again, where that helps.',
    schema: { type: 'integer', minimum: 0 },
    example: 60,
  },
  'WWW-Authenticate': {
    description: 'How to send a key.',
    required: true,
    schema: { type: 'string' },
    example: 'Bearer',
  },
  ETag: {
    description: 'Version of the representation; weak, because the age in it moves on.',
    required: true,
    schema: { type: 'string', pattern: '^W/"[^"]+"$' },
    example: 'W/"ayalon-1794981600000.fresh.ok.1.json.physical-1.0.0.freeFlow"',
  },
  'Cache-Control': {
    description: 'How long the answer may be kept.',
    required: true,
    schema: { type: 'string' },
    example: 'public, max-age=300, stale-while-revalidate=300, stale-if-error=6900',
  },
  Age: {
    description: 'Seconds since the snapshot was fetched.',
    required: true,
    schema: { type: 'integer', minimum: 0 },
    example: 42,
  },
  'Cache-Status': {
    description: 'How the cache of snapshots served it (RFC 9211).',
    required: true,
    schema: { type: 'string', pattern: '^ayalon; ' },
    example: 'ayalon; hit; ttl=258',
  },
  Vary: {
    description: 'The headers of the request on which the answer depends.',
    required: true,
    schema: { type: 'string' },
    example: 'Accept-Encoding',
  },
  Location: {
    description: 'Path of what was made.',
    required: true,
    schema: { type: 'string' },
    example: '/v1/keys/3f6f2c1ab7d04e95',
  },
  'Content-Disposition': {
    description: 'A name for the file. Only with CSV.',
    schema: { type: 'string' },
    example: 'attachment; filename="ayalon-1h-2026-11-17-2026-11-18.csv"',
  },
} as const

export type HeaderName = keyof typeof HEADERS

/** What every answer to a client tells that is counted. */
const OF_LIMITS = [
  'RateLimit-Policy',
  'RateLimit',
  'X-RateLimit-Limit',
  'X-RateLimit-Remaining',
  'X-RateLimit-Reset',
] as const satisfies readonly HeaderName[]

/**
 * References to the headers of an answer.
 * @param isLimited whether requests are counted
 */
export const headerRefs = (
  isLimited: boolean,
  own: readonly HeaderName[],
): Record<string, { readonly $ref: string }> =>
  Object.fromEntries(
    (['X-Request-ID', ...own, ...(isLimited ? OF_LIMITS : [])] as const).map((name) => [
      name,
      { $ref: `#/components/headers/${name}` },
    ]),
  )
