import type { ApiKey } from '../../access/api-key.ts'
import type { IssuedKeys } from '../../access/issued-keys.ts'
import { type KeptKey, MOST_KEYS } from '../../access/kept-keys.ts'
import { expiryFault, type KeyOrder } from '../../access/key-order.ts'
import type { ListedKeys } from '../../access/listed-keys.ts'
import { NoPepper } from '../../access/pepper.ts'
import type { Clock } from '../../clock.ts'
import { Problem } from '../../problems/problem.ts'
import { DatabaseAway } from '../../storage/database-away.ts'
import { isoTime } from '../../views/json.ts'
import type { KeyView, NewKeyView } from './schemas.ts'

export interface KeysOptions {
  /** Those of the environment; null where it has none. */
  readonly listed: ListedKeys | null
  /** Those of the database; null where no pepper is configured for a server. */
  readonly issued: IssuedKeys | null
  readonly clock: Clock
}

const RETRY_SECONDS = 60

/** Makes, shows and ends keys. */
export class KeysService {
  readonly #options: KeysOptions

  constructor(options: KeysOptions) {
    this.#options = options
  }

  /**
   * @throws Problem `invalid_input` for a time that is no good, `conflict` where there are too many
   * keys, `source_unavailable` while the database is away or there is no pepper
   */
  async create(order: KeyOrder): Promise<NewKeyView> {
    const fault = expiryFault(order, this.#options.clock.now())
    if (fault !== null)
      throw new Problem('invalid_input', '1 input is wrong.', {
        errors: [{ pointer: '/expiresAt', detail: fault }],
      })
    const made = await this.#whileHere((issued) => issued.create(order))
    if (made === null)
      throw new Problem('conflict', `There are ${MOST_KEYS} keys, and no more can be: end one.`)
    return { ...viewOf(made.kept), key: made.key }
  }

  /** @throws Problem `source_unavailable` while the database is away or its pepper is lost */
  async list(): Promise<KeyView[]> {
    const none = this.#options.issued === null
    const kept = none ? [] : await this.#whileHere((issued) => issued.list())
    return [...(await this.#listed()).map(listedView), ...kept.map(viewOf)]
  }

  /**
   * @throws Problem `not_found` for an unknown key, `conflict` for one of the environment,
   * `source_unavailable` while the database is away or there is no pepper
   */
  async revoke(id: string): Promise<void> {
    if ((await this.#listed()).some((key) => key.id === id))
      throw new Problem('conflict', 'This key comes from API_KEYS: take it out there.')
    const wasThere = await this.#whileHere((issued) => issued.revoke(id))
    if (!wasThere) throw new Problem('not_found', 'There is no such key.')
  }

  async #listed(): Promise<ApiKey[]> {
    return (await this.#options.listed?.all()) ?? []
  }

  async #whileHere<T>(work: (issued: IssuedKeys) => Promise<T>): Promise<T> {
    const { issued } = this.#options
    if (issued === null)
      throw unavailable('KEY_PEPPER is not set, which keys in the database of a server need')
    try {
      return await work(issued)
    } catch (error) {
      if (error instanceof DatabaseAway || error instanceof NoPepper)
        throw unavailable(error.message)
      throw error
    }
  }
}

const unavailable = (why: string): Problem =>
  new Problem('source_unavailable', `The keys cannot be used: ${why}.`, {
    retryAfterSeconds: RETRY_SECONDS,
  })

const timeOrNull = (atMs: number | null): string | null => (atMs === null ? null : isoTime(atMs))

const viewOf = (key: KeptKey): KeyView => ({
  id: key.id,
  name: key.name,
  scope: key.scope,
  source: 'database',
  createdAt: isoTime(key.createdMs),
  expiresAt: timeOrNull(key.expiresMs),
  lastUsedAt: timeOrNull(key.lastUsedMs),
  requestsPerMinute: key.limits.perMinute,
  requestsPerHour: key.limits.perHour,
})

const listedView = ({ id, scope, limits }: ApiKey): KeyView => ({
  id,
  name: id,
  scope,
  source: 'environment',
  createdAt: null,
  expiresAt: null,
  lastUsedAt: null,
  requestsPerMinute: limits.perMinute,
  requestsPerHour: limits.perHour,
})
