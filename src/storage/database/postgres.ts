import { readFile } from 'node:fs/promises'
import { Pool, type PoolConfig, types } from 'pg'
import type { Secret } from '../../secret.ts'
import { parsePostgresUrl, type TlsMode } from './postgres-url.ts'

/** How to reach a Postgres server, and what it may cost. */
export interface PostgresOptions {
  /** As `parsePostgresUrl` takes it. */
  readonly url: Secret
  readonly poolSize: number
  readonly connectTimeoutMs: number
  /** Longest time for one statement, ms. */
  readonly queryTimeoutMs: number
  /** Idle time after which TCP probes whether the server is still there, ms. */
  readonly keepAliveMs: number
  /** Null takes what the URL says. */
  readonly tls: TlsMode | null
  /** PEM file of the authority to trust, where it is not a public one. */
  readonly caFile: string | null
}

/** A server that hangs gets this long after its own timeout before the client gives up, ms. */
const CLIENT_MARGIN_MS = 2000
/** Connections are renewed, so that a moved server or a changed name is noticed. */
const MAX_LIFETIME_SECONDS = 1800

/** Connections to a server, as they are whenever it is looked at. */
export interface PoolUse {
  /** With those that are being made. */
  readonly totalCount: number
  readonly idleCount: number
  /** Statements that wait for a connection. */
  readonly waitingCount: number
}

/**
 * A pool of connections to the server. The password is read anew for each
 * connection, so that it can be changed without a restart.
 * @throws Error when the URL is wrong or the file of the authority cannot be read
 */
export async function postgresPool(
  options: PostgresOptions,
  onIdleError: (error: Error) => void,
): Promise<Pool> {
  const { password, tls, ...server } = parsePostgresUrl(await options.url.reveal())
  const pool = new Pool({
    ...server,
    password: async () => parsePostgresUrl(await options.url.reveal()).password,
    ssl: await tlsOptions(options.tls ?? tls, options.caFile),
    // Whoever sits between with a certificate of their own cannot pass the login on.
    enableChannelBinding: true,
    max: options.poolSize,
    connectionTimeoutMillis: options.connectTimeoutMs,
    statement_timeout: options.queryTimeoutMs,
    lock_timeout: options.queryTimeoutMs,
    idle_in_transaction_session_timeout: options.queryTimeoutMs,
    query_timeout: options.queryTimeoutMs + CLIENT_MARGIN_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: options.keepAliveMs,
    maxLifetimeSeconds: MAX_LIFETIME_SECONDS,
    application_name: 'ayalon-congestion-impact',
    types: { getTypeParser },
  })
  // Without a listener a connection that breaks while idle would end the process.
  pool.on('error', onIdleError)
  // One that breaks in use fails what it is used for, and must not end the process as well.
  pool.on('connect', (client) => {
    client.on('error', () => {})
  })
  return pool
}

async function tlsOptions(
  tls: TlsMode,
  caFile: string | null,
): Promise<NonNullable<PoolConfig['ssl']>> {
  if (tls === 'disable') return false
  const authority = caFile === null ? {} : { ca: await readFile(caFile, 'utf8') }
  return { rejectUnauthorized: tls === 'verify-full', ...authority }
}

/** Numbers of 64 bits come as text unless told otherwise; ours are counts and epoch milliseconds. */
const getTypeParser: typeof types.getTypeParser = (oid: number, format?: 'text' | 'binary') =>
  oid === types.builtins.INT8 ? Number : types.getTypeParser(oid, format)
