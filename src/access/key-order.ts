import { z } from 'zod'
import { hashOfKey, newKey } from './issued-key.ts'
import type { KeptKey } from './kept-keys.ts'
import { SCOPES } from './scopes.ts'

/** A key may be valid for so long at most, ms: ten years. */
const LONGEST_MS = 10 * 366 * 86_400_000

const most = (limit: number) =>
  z
    .int('must be a whole number')
    .min(1, 'must be at least 1')
    .max(limit, `must be at most ${limit}`)

/** What is asked for when a key is to be made. */
export const keyOrder = z
  .strictObject({
    name: z
      .string('must be a text')
      .regex(/^[A-Za-z0-9._ -]{1,64}$/, 'must be 1 to 64 letters, digits, blanks and ._-')
      .describe('Whom or what the key is for; several may have the same.'),
    scope: z
      .enum(SCOPES, `must be one of ${SCOPES.join(', ')}`)
      .describe('What the key allows: each scope also what those before it do.'),
    expiresAt: z.iso
      .datetime({ offset: true, error: 'must be a time such as 2027-11-21T05:00:00Z' })
      .optional()
      .describe('When the key stops working, at most ten years ahead. Default: never.'),
    requestsPerMinute: most(1_000_000)
      .optional()
      .describe('Most requests with this key in a minute. Default: those of any client.'),
    requestsPerHour: most(100_000_000)
      .optional()
      .describe('Most requests with this key in an hour. Default: those of any client.'),
  })
  .meta({ id: 'NewKey', description: 'The key to make.' })
export type KeyOrder = z.infer<typeof keyOrder>

/** What is wrong with the time at which a key is to expire; null when nothing is. */
export function expiryFault({ expiresAt }: KeyOrder, nowMs: number): string | null {
  if (expiresAt === undefined) return null
  const aheadMs = Date.parse(expiresAt) - nowMs
  if (aheadMs <= 0) return 'must be in the future'
  return aheadMs > LONGEST_MS ? 'must be at most ten years ahead' : null
}

/** A key that was just made. */
export interface MadeKey {
  readonly kept: KeptKey
  /** The whole key, which is shown once and not kept. */
  readonly key: string
}

/** Makes the key that is asked for. */
export function makeKey(order: KeyOrder, pepper: string, nowMs: number): MadeKey {
  const { id, key } = newKey()
  const kept = {
    id,
    name: order.name,
    scope: order.scope,
    hash: hashOfKey(key, pepper),
    createdMs: nowMs,
    expiresMs: order.expiresAt === undefined ? null : Date.parse(order.expiresAt),
    lastUsedMs: null,
    limits: {
      perMinute: order.requestsPerMinute ?? null,
      perHour: order.requestsPerHour ?? null,
    },
  }
  return { kept, key }
}
