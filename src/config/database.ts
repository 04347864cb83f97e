import type { DatabasePlace } from '../storage/database/database.ts'
import type { Config } from './config.ts'

/** Where the database is: the server that a URL names, else the data folder. */
export function databasePlace(config: Config): DatabasePlace {
  const { DATABASE_URL: url, DATA_DIR: dataDir } = config
  if (url === null) return { dataDir }
  return {
    url,
    tls: config.DATABASE_TLS ?? null,
    caFile: config.DATABASE_CA_FILE ?? null,
    poolSize: config.DATABASE_POOL_SIZE,
    connectTimeoutMs: config.DATABASE_CONNECT_TIMEOUT_SECONDS * 1000,
    queryTimeoutMs: config.DATABASE_QUERY_TIMEOUT_SECONDS * 1000,
    keepAliveMs: config.DATABASE_KEEPALIVE_SECONDS * 1000,
  }
}
