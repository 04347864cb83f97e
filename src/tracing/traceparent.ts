/** Of which trace a request is a part, and of which span in it (W3C Trace Context). */
export interface TraceParent {
  /** 32 hexadecimal digits. */
  readonly traceId: string
  /** 16 hexadecimal digits. */
  readonly spanId: string
  /** Whether the caller records the trace. */
  readonly isSampled: boolean
}

const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/
const ZEROS = /^0+$/

/**
 * Reads a `traceparent` header; null where there is none, or one that
 * https://www.w3.org/TR/trace-context/#traceparent-header tells to ignore. Versions to come may
 * add to its end.
 */
export function parseTraceparent(header: unknown): TraceParent | null {
  if (typeof header !== 'string') return null
  const [, version, traceId = '0', spanId = '0', flags, more] = TRACEPARENT.exec(header) ?? []
  if (version === 'ff' || ZEROS.test(traceId) || ZEROS.test(spanId)) return null
  if (version === '00' && more !== undefined) return null
  return { traceId, spanId, isSampled: (Number.parseInt(`${flags}`, 16) & 1) === 1 }
}
