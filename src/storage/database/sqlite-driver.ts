import { once } from 'node:events'
import type { SQLInputValue } from 'node:sqlite'
import { Worker } from 'node:worker_threads'
import { CompiledQuery, type DatabaseConnection, type Driver, type QueryResult } from 'kysely'

export interface SqliteWorkerData {
  readonly file: string
  readonly readOnly: boolean
}

export type SqliteRequest =
  | { readonly sql: string; readonly parameters: readonly SQLInputValue[] }
  | 'close'

export type SqliteAnswer =
  | { readonly rows: readonly unknown[]; readonly changes?: number }
  | { readonly failed: { readonly errcode: number; readonly message: string } }

/** A statement that SQLite refused, with its result code (https://sqlite.org/rescode.html). */
export class SqliteError extends Error {
  override readonly name = 'SqliteError'
  readonly errcode: number

  constructor(errcode: number, message: string) {
    super(message)
    this.errcode = errcode
  }
}

/** One connection to an embedded database, held by a thread of its own. kysely hands it out to one user at a time. */
export class SqliteDriver implements Driver {
  readonly #data: SqliteWorkerData
  #connection: SqliteConnection | null = null

  constructor(data: SqliteWorkerData) {
    this.#data = data
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<DatabaseConnection> {
    this.#connection ??= new SqliteConnection(this.#data)
    return this.#connection
  }

  async releaseConnection(): Promise<void> {}

  // Immediate: the lock for writing is taken first, so that no transaction fails half-way for it.
  async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('BEGIN IMMEDIATE'))
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('COMMIT'))
  }

  async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('ROLLBACK'))
  }

  async destroy(): Promise<void> {
    await this.#connection?.close()
  }
}

class SqliteConnection implements DatabaseConnection {
  readonly #worker: Worker

  constructor(workerData: SqliteWorkerData) {
    this.#worker = new Worker(new URL('./sqlite-worker.ts', import.meta.url), { workerData })
  }

  async executeQuery<R>({ sql, parameters }: CompiledQuery): Promise<QueryResult<R>> {
    const answered = once(this.#worker, 'message')
    this.#worker.postMessage({ sql, parameters })
    const [answer] = await answered
    if ('failed' in answer) throw new SqliteError(answer.failed.errcode, answer.failed.message)
    const { rows, changes } = answer
    return changes === undefined ? { rows } : { rows, numAffectedRows: BigInt(changes) }
  }

  // biome-ignore lint/correctness/useYield: nothing in this service streams rows.
  async *streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new Error('rows are not streamed from SQLite')
  }

  async close(): Promise<void> {
    const exited = once(this.#worker, 'exit')
    this.#worker.postMessage('close')
    await exited
  }
}
