import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import { parentPort, workerData } from 'node:worker_threads'
import type { SqliteAnswer, SqliteRequest, SqliteWorkerData } from './sqlite-driver.ts'

/*
 * The thread that holds one connection to the embedded database: however long a statement or the
 * disk takes, the event loop of the service goes on.
 */

/** Statements that are kept prepared; there are some fifty in the service. */
const MOST_STATEMENTS = 200
/** How long to wait for another process that writes, ms. */
const BUSY_TIMEOUT_MS = 10_000

const { file, readOnly }: SqliteWorkerData = workerData
let database: DatabaseSync | null = null
const statements = new Map<string, StatementSync>()

function open(): DatabaseSync {
  const opened = new DatabaseSync(file, { readOnly, timeout: BUSY_TIMEOUT_MS })
  // An acknowledged write survives the loss of power: every commit is synced (FULL).
  if (!readOnly) opened.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL')
  return opened
}

function statementOf(sql: string): StatementSync {
  database ??= open()
  const known = statements.get(sql)
  if (known !== undefined) return known
  const made = database.prepare(sql)
  if (statements.size >= MOST_STATEMENTS) statements.clear()
  statements.set(sql, made)
  return made
}

/** What kysely hands over as SQLite takes it: texts, numbers and null are all that we keep. */
const toInput = (value: unknown): SQLInputValue =>
  typeof value === 'number' || value === null ? value : String(value)

function run(sql: string, parameters: readonly SQLInputValue[]): SqliteAnswer<unknown> {
  try {
    const statement = statementOf(sql)
    if (statement.columns().length > 0) return { rows: statement.all(...parameters) }
    return { rows: [], changes: Number(statement.run(...parameters).changes) }
  } catch (error) {
    const { errcode, message } = Object(error)
    return { failed: { errcode: Number(errcode ?? 0), message: String(message) } }
  }
}

parentPort?.on('message', (request: SqliteRequest) => {
  if (request === 'close') {
    database?.close()
    parentPort?.close()
  } else parentPort?.postMessage(run(request.sql, request.parameters.map(toInput)))
})
