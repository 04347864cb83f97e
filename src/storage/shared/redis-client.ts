import { once } from 'node:events'
import { Redis, type RedisOptions } from 'ioredis'
import type { Secret } from '../../secret.ts'
import { redisFault } from './redis-faults.ts'
import { parseRedisUrl } from './redis-url.ts'
import { StoreAway } from './shared-store.ts'

const CONNECT_TIMEOUT_MS = 2000
const COMMAND_TIMEOUT_MS = 1000
/** A connection on which a command waits this long for its answer is given up, ms. */
const SILENCE_MS = 2000
/** Waits between attempts to connect, ms: the first, and the longest. */
const RETRY_MS = [100, 2000] as const

const NOT_CONNECTED = 'not connected yet'
const UNREACHABLE = 'Redis cannot be reached'

const OPTIONS = {
  lazyConnect: true,
  connectionName: 'ayalon-congestion-impact',
  connectTimeout: CONNECT_TIMEOUT_MS,
  socketTimeout: SILENCE_MS,
  // A command without a connection fails at once. One whose connection breaks fails too: sent
  // again it could be counted twice.
  enableOfflineQueue: false,
  maxRetriesPerRequest: 0,
  // While Redis loads its data it says so itself to every command.
  enableReadyCheck: false,
  // After a failover the name of the server leads to another one.
  reconnectOnError: ({ message }) => message.includes('READONLY'),
} satisfies RedisOptions

/**
 * A connection to Redis, made again whenever it breaks. The URL is read anew for each, so that the
 * password can be changed without a restart.
 */
export class RedisClient {
  readonly #url: Secret
  readonly #commandTimeout: number
  #redis: Redis | null = null
  #fault: string | null = NOT_CONNECTED
  /** Why there is no connection, should there be none. */
  #broken = NOT_CONNECTED
  /** Attempts to connect since a command worked. */
  #attempts = 0

  /** @param commandTimeoutMs how long a command may take */
  constructor(url: Secret, commandTimeoutMs = COMMAND_TIMEOUT_MS) {
    this.#url = url
    this.#commandTimeout = commandTimeoutMs
  }

  /** Why the last command failed, for a person; null when it worked. */
  get fault(): string | null {
    return this.#fault
  }

  /**
   * Resolves when the first connection is made or has failed, which takes three seconds at most.
   * @throws Error when the URL is wrong
   */
  async connect(): Promise<void> {
    const url = this.#url
    const server = parseRedisUrl(await url.reveal())
    const redis = new Redis({
      ...OPTIONS,
      ...server,
      commandTimeout: this.#commandTimeout,
      retryStrategy: () => this.#nextWaitMs(),
    })
    this.#redis = redis
    this.#broken = UNREACHABLE
    redis.on('error', (error) => {
      this.#broken = redisFault(error) ?? UNREACHABLE
      // The client would go on in database 0, which may be another service's.
      if (Object(error).command?.name === 'select') redis.disconnect(true)
    })
    redis.on('close', () => {
      renewServer(redis, url).catch(() => {
        // A URL that is wrong by now does not take the place of one that was right.
      })
    })
    const failed = () => {}
    await Promise.race([redis.connect(), once(redis, 'ready')]).catch(failed)
  }

  /**
   * Runs a script, which Redis does as one step.
   * @throws StoreAway also where the script may have been run, but the answer did not come
   */
  async run(script: string, keys: readonly string[], values: readonly string[]): Promise<unknown> {
    try {
      if (this.#redis === null) throw new Error(NOT_CONNECTED)
      const answer = await this.#redis.eval(script, keys.length, ...keys, ...values)
      this.#fault = null
      this.#broken = UNREACHABLE
      this.#attempts = 0
      return answer
    } catch (error) {
      this.#fault = redisFault(error) ?? this.#broken
      throw new StoreAway(this.#fault)
    }
  }

  close(): void {
    this.#redis?.disconnect()
  }

  #nextWaitMs(): number {
    this.#attempts += 1
    return Math.min(this.#attempts * RETRY_MS[0], RETRY_MS[1])
  }
}

async function renewServer({ options }: Redis, url: Secret): Promise<void> {
  Object.assign(options, parseRedisUrl(await url.reveal()))
}
