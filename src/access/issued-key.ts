import { createHmac, randomBytes } from 'node:crypto'

/** Shorter peppers could be guessed. */
const LEAST_PEPPER = 32
const ID_BYTES = 8
const SECRET_BYTES = 32
const KEY = /^ayalon_([0-9a-f]{16})_[A-Za-z0-9_-]{43}$/

/** A key that was just made. It is shown once and never kept. */
export interface NewKey {
  /** Part of the key that names it; no secret. */
  readonly id: string
  /** The whole key, `ayalon_<id>_<32 random bytes>`. */
  readonly key: string
}

/** Makes a key of 256 random bits. */
export function newKey(): NewKey {
  const id = randomBytes(ID_BYTES).toString('hex')
  return { id, key: `ayalon_${id}_${randomBytes(SECRET_BYTES).toString('base64url')}` }
}

/** True where a text repeats such a key, or the first part of one. */
export const holdsIssuedKey = (text: string): boolean => /ayalon_[0-9a-f]{16}_/.test(text)

/** The id that a key names; null when it is none of ours. */
export const idOfKey = (key: string): string | null => KEY.exec(key)?.[1] ?? null

/**
 * What is kept of a key: HMAC-SHA-256 under the pepper, in hexadecimal digits. Keys have 256 random
 * bits, so that no slow hash is needed.
 */
export const hashOfKey = (key: string, pepper: string): string =>
  createHmac('sha256', pepper).update(key).digest('hex')

/** What is wrong with a pepper; null when nothing is. */
export const pepperFault = (pepper: string): string | null =>
  pepper.length < LEAST_PEPPER ? `must have at least ${LEAST_PEPPER} characters` : null
