import { createHash } from 'node:crypto'
import { sql } from 'kysely'
import type { Queries } from '../database/database.ts'
import { migrationNames, NEWER } from '../database/migrations.ts'
import { DatabaseAway } from '../database-away.ts'
import { type Head, lineOf, newHead, type Tail } from './archive.ts'
import { columnsByTable } from './columns.ts'
import { KEPT_TABLES } from './kept-tables.ts'
import { pagesOf } from './pages.ts'

/** What the archive says of itself beside what the database says. */
type About = Pick<Head, 'service' | 'engine' | 'madeAt'>

/**
 * The archive of a database, line by line; some lines at a time.
 * @param dir folder of the migrations
 * @param onEnd told how many rows there are
 * @throws DatabaseAway where there is no schema, or a newer one; the database's error
 */
export async function* archiveOf(
  db: Queries,
  about: About,
  dir: string,
  onEnd: (tail: Tail) => void,
): AsyncGenerator<string> {
  const hash = createHash('sha256')
  const noted = (text: string): string => {
    hash.update(text)
    return text
  }
  const columns = await columnsByTable(about.engine, db)
  const schema = await schemaOf(db, columns.has('kysely_migration'), dir)
  yield noted(lineOf(newHead({ ...about, schema })))
  const counts: Record<string, number> = {}
  for (const kept of KEPT_TABLES) {
    const names = columns.get(kept.table)?.map(({ name }) => name)
    // An earlier schema lacks tables of later ones.
    if (names === undefined) continue
    yield noted(lineOf({ table: kept.table, columns: names }))
    let count = 0
    for await (const rows of pagesOf(db, kept, names)) {
      count += rows.length
      yield noted(rows.map((row) => lineOf(names.map((name) => finite(row[name], kept)))).join(''))
    }
    counts[kept.table] = count
  }
  const tail = { rows: counts, sha256: hash.digest('hex') }
  yield lineOf(tail)
  onEnd(tail)
}

/** The last migration that was applied. */
async function schemaOf(db: Queries, isThere: boolean, dir: string): Promise<string> {
  const applied = isThere ? await MIGRATIONS.execute(db) : { rows: [] }
  const last = applied.rows.at(-1)
  if (last === undefined) throw new DatabaseAway('it has no schema, so there is nothing to back up')
  if (!migrationNames(dir).includes(last.name)) throw new DatabaseAway(NEWER)
  return last.name
}

const MIGRATIONS = sql<{ name: string }>`SELECT name FROM kysely_migration ORDER BY name`

/** JSON would make null of these, and nobody would learn of it before the backup is needed. */
function finite(value: unknown, { table }: { readonly table: string }): unknown {
  if (typeof value === 'number' && !Number.isFinite(value))
    throw new DatabaseAway(`a number in ${table} is not finite`)
  return value
}
