import { createHash, timingSafeEqual } from 'node:crypto'

/** What a key allows; each allows what those before it do. */
export const SCOPES = ['read', 'write', 'admin'] as const
export type Scope = (typeof SCOPES)[number]

/** A key that a client may have. */
export interface ApiKey {
  readonly name: string
  readonly scope: Scope
  readonly secret: string
}

/** Shorter secrets could be guessed. */
const LEAST_SECRET = 16
const NAME = /^[A-Za-z0-9._-]{1,64}$/

const entriesOf = (list: string): string[][] =>
  list.split(/[,\n]/).map((entry) => entry.trim().split(':'))

/** What is wrong with a list of `name:scope:secret`, without repeating it; null when nothing is. */
export function apiKeysFault(list: string): string | null {
  const keys = apiKeysOf(list)
  if (keys.length < entriesOf(list).length)
    return `must be a list of name:scope:secret with the scopes ${SCOPES.join(', ')}`
  if (keys.some(({ secret }) => secret.length < LEAST_SECRET))
    return `every secret must have at least ${LEAST_SECRET} characters`
  const isOnce = (values: readonly string[]): boolean => new Set(values).size === values.length
  if (!isOnce(keys.map(({ name }) => name))) return 'must not name one twice'
  return isOnce(keys.map(({ secret }) => secret)) ? null : 'must not give one secret to two names'
}

/** The keys of a list of `name:scope:secret`; what is none is left out. */
export const apiKeysOf = (list: string): ApiKey[] =>
  entriesOf(list).flatMap(([name = '', given, ...rest]) => {
    const scope = SCOPES.find((known) => known === given)
    return NAME.test(name) && scope !== undefined && rest.length > 0
      ? [{ name, scope, secret: rest.join(':') }]
      : []
  })

const hashOf = (secret: string): Buffer => createHash('sha256').update(secret).digest()

/** The key with this secret. Takes as long for a wrong one as for a right one. */
export function findKey(keys: readonly ApiKey[], secret: string): ApiKey | undefined {
  const given = hashOf(secret)
  return keys.filter((key) => timingSafeEqual(hashOf(key.secret), given))[0]
}

/** True where a key's scope allows what another asks for. */
export const allows = ({ scope }: ApiKey, needed: Scope): boolean =>
  SCOPES.indexOf(scope) >= SCOPES.indexOf(needed)
