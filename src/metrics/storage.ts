import type { Registry } from 'prom-client'
import type { Storage } from '../storage/storage.ts'
import { addGauge, addGauges } from './registry.ts'

/** What is told of the database, of Redis where there is one, and of what waits to be written. */
export function storageMetrics(
  registry: Registry,
  storage: Pick<Storage, 'connection' | 'health'>,
): void {
  const { connection } = storage
  addGauge(
    registry,
    {
      name: 'ayalon_database_up',
      help: '1 where the database could be used when it was last, else 0.',
    },
    () => Number(connection.fault === null),
  )
  addGauge(
    registry,
    {
      name: 'ayalon_write_queue_refreshes',
      help: 'Refreshes that wait on disk to be written to the database.',
    },
    () => storage.health.queued,
  )
  if (storage.health.redis !== null)
    addGauge(
      registry,
      {
        name: 'ayalon_redis_up',
        help: '1 where Redis answered when it was last asked, else 0.',
      },
      () => Number(storage.health.redis === ''),
    )
  const { pool } = connection
  if (pool === null) return
  addGauges(
    registry,
    {
      name: 'ayalon_database_pool_connections',
      help: 'Connections of this process to the Postgres server: busy (in use or being made) and idle.',
      labels: ['state'],
    },
    () => {
      const { totalCount, idleCount } = pool()
      return [
        [{ state: 'busy' }, totalCount - idleCount],
        [{ state: 'idle' }, idleCount],
      ]
    },
  )
  addGauge(
    registry,
    {
      name: 'ayalon_database_pool_waiting',
      help: 'Statements of this process that wait for a connection to the Postgres server.',
    },
    () => pool().waitingCount,
  )
}
