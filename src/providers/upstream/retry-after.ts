/**
 * How long a `Retry-After` header (RFC 9110, section 10.2.3: seconds, or a date) asks to wait, ms;
 * null where there is none, or none that makes sense.
 */
export function retryAfterMs(
  header: string | readonly string[] | undefined,
  nowMs: number,
): number | null {
  if (typeof header !== 'string') return null
  if (/^\s*\d+\s*$/.test(header)) return Number(header) * 1000
  // A date has the name of its month; what else the parser would take for one is none.
  const atMs = /[A-Z][a-z]{2}/.test(header) ? Date.parse(header) : Number.NaN
  return Number.isNaN(atMs) ? null : Math.max(0, atMs - nowMs)
}
