/**
 * How long a `Retry-After` header (RFC 9110, section 10.2.3: seconds, or a date) asks to wait, ms;
 * null where there is none, or none that makes sense.
 */
export function retryAfterMs(
  header: string | readonly string[] | undefined,
  nowMs: number,
): number | null {
  if (typeof header !== 'string') return null
  if (/^\d{1,9}$/.test(header)) return Number(header) * 1000
  const atMs = Date.parse(header)
  return Number.isNaN(atMs) ? null : Math.max(0, atMs - nowMs)
}
