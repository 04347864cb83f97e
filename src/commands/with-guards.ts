import { randomUUID } from 'node:crypto'
import { pino } from 'pino'
import type { Config } from '../config/config.ts'
import { databasePlace } from '../config/database.ts'
import { guardsBy } from '../config/guards.ts'
import type { LiveProvider } from '../providers/create.ts'
import type { Guard } from '../providers/upstream/guard.ts'
import { Connection } from '../storage/connection.ts'
import { boundedStore } from '../storage/shared/bounded-store.ts'
import { DatabaseStore } from '../storage/shared/database-store.ts'
import { RedisStore } from '../storage/shared/redis-store.ts'

/** Does some work with guards whose calls count for the same budget as those of the service. */
export async function withGuards<T>(
  config: Config,
  work: (guardOf: (provider: LiveProvider) => Guard) => Promise<T>,
): Promise<T> {
  const log = pino({ level: 'silent' })
  const connection = new Connection(databasePlace(config), log)
  const redis = config.REDIS_URL && new RedisStore(config.REDIS_URL)
  try {
    await redis?.connect()
    const store = boundedStore(redis ?? new DatabaseStore(connection), log)
    return await work(guardsBy(config, store, randomUUID(), log))
  } finally {
    await Promise.all([redis?.close(), connection.close()])
  }
}
