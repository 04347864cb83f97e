import { DatabaseError } from 'pg'
import { DatabaseAway } from '../database-away.ts'
import { SqliteError } from './sqlite-driver.ts'

/** What keeps the database from being used, by SQLite's primary result code. */
const SQLITE_FAULTS: Readonly<Record<number, string>> = {
  3: 'access to the database file is denied',
  5: 'another process holds the database for too long',
  8: 'the database file cannot be written',
  10: 'the disk of the database fails or is full',
  11: 'the database file is damaged: move it away, or put a backup in its place',
  13: 'the disk is full',
  14: 'the database file cannot be opened',
  26: 'the database file is damaged: move it away, or put a backup in its place',
}

/** The same by Postgres' SQLSTATE or its class. */
const POSTGRES_FAULTS: Readonly<Record<string, string>> = {
  '08': 'the connection to the database failed',
  25: 'the database server takes no writes',
  28: 'the database server refuses the user or the password',
  '3D': 'the database does not exist on the server',
  40: 'the database was busy with other writes',
  42501: 'the database user lacks a permission',
  53: 'the database server is out of disk, memory or connections',
  55: 'the database was busy with other writes',
  57: 'the database server stopped or cancelled the work',
  58: 'the disk of the database server fails',
  XX: 'the database server has an internal error',
}

/** The same by the code of a failed file or network operation. */
const SYSTEM_FAULTS: Readonly<Record<string, string>> = {
  EACCES: 'access to the data folder is denied',
  EDQUOT: 'the disk is full',
  EEXIST: 'the data folder is not a folder',
  ENOSPC: 'the disk is full',
  ENOTDIR: 'the data folder is not a folder',
  EROFS: 'the data folder cannot be written',
  ECONNREFUSED: 'the database server cannot be reached',
  ECONNRESET: 'the connection to the database failed',
  EHOSTUNREACH: 'the database server cannot be reached',
  ENETUNREACH: 'the database server cannot be reached',
  EAI_AGAIN: 'the name of the database server cannot be looked up now',
  ENOTFOUND: 'the name of the database server is not known',
  EPIPE: 'the connection to the database failed',
  ETIMEDOUT: 'the database server cannot be reached',
}

/** What the clients say of a connection, not of a statement; they give these no code. */
const CONNECTION_MESSAGE =
  /connection|timeout exceeded|read timeout|SSL|queryable|calling end on the pool|already been destroyed/i

/**
 * In our own words, without any text of the server, why the database cannot be used now; null
 * where the error is not the database's but the statement's or the program's.
 */
export function databaseFault(error: unknown): string | null {
  if (error instanceof DatabaseAway) return error.message
  if (error instanceof SqliteError) return SQLITE_FAULTS[error.errcode & 0xff] ?? null
  const { code, message } = Object(error)
  const name = String(code)
  if (error instanceof DatabaseError)
    return POSTGRES_FAULTS[name] ?? POSTGRES_FAULTS[name.slice(0, 2)] ?? null
  const system = SYSTEM_FAULTS[name]
  if (system !== undefined) return system
  if (/CERT|TLS|SSL/.test(name)) return 'the certificate of the database server is not trusted'
  if (/SASL/.test(String(message))) return 'the database server wants another password'
  if (/does not support SSL/.test(String(message))) return 'the database server has no TLS'
  return CONNECTION_MESSAGE.test(String(message)) ? 'the connection to the database failed' : null
}

/** Postgres' codes for a table and a column that are not there. */
const NOT_THERE = ['42P01', '42703']

/**
 * The same for a schema that is not the one that this version's statements are made for: somebody
 * changed it while the service ran.
 */
export function schemaFault(error: unknown): string | null {
  const missing =
    error instanceof SqliteError
      ? /^no such (table|column)/.test(error.message)
      : error instanceof DatabaseError && NOT_THERE.includes(String(error.code))
  return missing ? 'the schema of the database is not the one of this version' : null
}
