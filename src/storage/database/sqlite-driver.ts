import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { CompiledQuery, type DatabaseConnection, type Driver, type QueryResult } from 'kysely'

export interface SqliteWorkerData {
  readonly file: string
  readonly readOnly: boolean
}

export type SqliteRequest =
  | { readonly sql: string; readonly parameters: readonly unknown[] }
  | 'close'

export type SqliteAnswer<Row> =
  | { readonly rows: Row[]; readonly changes?: number }
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
    // A full disk takes the transaction back by itself. That nothing is left to take back then must
    // not be told in place of what failed.
    await connection.executeQuery(CompiledQuery.raw('ROLLBACK')).catch(() => {})
  }

  async destroy(): Promise<void> {
    await this.#connection?.close()
  }
}

class SqliteConnection implements DatabaseConnection {
  readonly #worker: Worker
  #open = true

  constructor(workerData: SqliteWorkerData) {
    // The options of the main thread (loaders, an inspector's port) are not meant for this one.
    const options = { workerData, execArgv: [] }
    this.#worker = new Worker(new URL('./sqlite-worker.ts', import.meta.url), options)
    // A thread that fails exits too, which whoever waits for it is told.
    this.#worker.on('error', () => {})
    this.#worker.on('exit', () => {
      this.#open = false
    })
  }

  async executeQuery<R>({ sql, parameters }: CompiledQuery): Promise<QueryResult<R>> {
    const answer = await this.#ask<R>({ sql, parameters })
    if ('failed' in answer) throw new SqliteError(answer.failed.errcode, answer.failed.message)
    const { rows, changes } = answer
    return changes === undefined ? { rows } : { rows, numAffectedRows: BigInt(changes) }
  }

  // biome-ignore lint/correctness/useYield: nothing in this service streams rows.
  async *streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new Error('rows are not streamed from SQLite')
  }

  async close(): Promise<void> {
    if (!this.#open) return
    this.#open = false
    const exited = once(this.#worker, 'exit')
    this.#worker.postMessage('close')
    await exited
  }

  #ask<R>(request: SqliteRequest): Promise<SqliteAnswer<R>> {
    return new Promise((resolve, reject) => {
      const gone = (): void => reject(new Error('the connection was closed'))
      if (!this.#open) return gone()
      this.#worker.once('exit', gone)
      this.#worker.once('message', (answer: SqliteAnswer<R>) => {
        this.#worker.off('exit', gone)
        resolve(answer)
      })
      this.#worker.postMessage(request)
    })
  }
}
