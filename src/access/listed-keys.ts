import { createHash, timingSafeEqual } from 'node:crypto'
import type { FastifyBaseLogger } from 'fastify'
import type { Secret } from '../secret.ts'
import type { ApiKey, KeySource } from './api-key.ts'
import { SCOPES, type Scope } from './scopes.ts'

/** An entry of the list. */
export interface ListedKey {
  readonly name: string
  readonly scope: Scope
  readonly secret: string
}

/** Shorter secrets could be guessed. */
const LEAST_SECRET = 16
/** What a header can hold. */
const PRINTABLE = /^[\x20-\x7e]*$/
const NAME = /^[A-Za-z0-9._-]{1,64}$/
const NO_LIMITS = { perMinute: null, perHour: null }

/** Blank lines, and those that begin with `#`, are no entries. */
const entriesOf = (list: string): string[][] =>
  list
    .split('\n')
    .map((line) => line.trim())
    .filter((line, _at, { length }) => length === 1 || !/^(#|$)/.test(line))
    .flatMap((line) => line.split(','))
    .map((entry) => entry.trim().split(':'))

/** What is wrong with a list of `name:scope:secret`, without repeating it; null when nothing is. */
export function listFault(list: string): string | null {
  const keys = keysOfList(list)
  if (keys.length === 0 || keys.length < entriesOf(list).length)
    return `must be a list of name:scope:secret with the scopes ${SCOPES.join(', ')}`
  if (keys.some(({ secret }) => secret.length < LEAST_SECRET))
    return `every secret must have at least ${LEAST_SECRET} characters`
  if (keys.some(({ secret }) => !PRINTABLE.test(secret)))
    return 'every secret must be of printable ASCII characters'
  const isOnce = (values: readonly string[]): boolean => new Set(values).size === values.length
  if (!isOnce(keys.map(({ name }) => name))) return 'must not name one twice'
  return isOnce(keys.map(({ secret }) => secret)) ? null : 'must not give one secret to two names'
}

/** The keys of a list of `name:scope:secret`; what is none is left out. */
export const keysOfList = (list: string): ListedKey[] =>
  entriesOf(list).flatMap(([name = '', given, ...rest]) => {
    const scope = SCOPES.find((known) => known === given)
    return NAME.test(name) && scope !== undefined && rest.length > 0
      ? [{ name, scope, secret: rest.join(':') }]
      : []
  })

const hashOf = (secret: string): Buffer => createHash('sha256').update(secret).digest()

/** The keys of the environment. A list in a file is read again when it changes. */
export class ListedKeys implements KeySource {
  readonly canBeGuessed = true
  readonly #list: Secret
  readonly #log: FastifyBaseLogger
  #read = ''
  #isMissing = false
  #keys: readonly { readonly key: ApiKey; readonly hash: Buffer }[] = []

  constructor(list: Secret, log: FastifyBaseLogger) {
    this.#list = list
    this.#log = log
  }

  async find(secret: string): Promise<ApiKey | undefined> {
    await this.#refresh()
    const given = hashOf(secret)
    return this.#keys.filter(({ hash }) => timingSafeEqual(hash, given))[0]?.key
  }

  /** Every key of the list. */
  async all(): Promise<ApiKey[]> {
    await this.#refresh()
    return this.#keys.map(({ key }) => key)
  }

  async #refresh(): Promise<void> {
    const list = await this.#list.reveal()
    this.#noteMissing(this.#list.isMissing)
    if (list === this.#read) return
    this.#read = list
    const fault = listFault(list)
    if (fault !== null) {
      this.#log.warn({ fault }, 'the list of keys is wrong: the last good one stands')
      return
    }
    this.#keys = keysOfList(list).map(({ name, scope, secret }) => ({
      key: { id: name, scope, limits: NO_LIMITS },
      hash: hashOf(secret),
    }))
    this.#log.info({ keys: this.#keys.map(({ key }) => key.id) }, 'the list of keys was read')
  }

  /** Whoever empties the file may think that it ends all keys. */
  #noteMissing(isMissing: boolean): void {
    if (isMissing && !this.#isMissing)
      this.#log.warn('the file of the list of keys is gone or empty: the last good list stands')
    this.#isMissing = isMissing
  }
}
