import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { type DatabasePlace, SQLITE_FILE } from '../../src/storage/database/database.ts'
import { type Engine, migratedPlace, postgresPlace } from './databases.ts'
import { type Detour, detourTo } from './detour.ts'

/** A migrated database that can go away and come back. */
export interface Fragile {
  readonly place: DatabasePlace
  /** The way to the server; null for the embedded engine. */
  readonly detour: Detour | null
  /** What is said of it while it is away. */
  readonly fault: RegExp
  /** @param open closed first: whoever has a file open goes on with it, whatever takes its place */
  goAway(open: { close(): Promise<void> }): Promise<void>
  comeBack(open: { close(): Promise<void> }): Promise<void>
}

/** On SQLite the file is damaged, on Postgres connections are refused. */
export async function fragile(t: Test, engine: Engine): Promise<Fragile> {
  const place = await migratedPlace(t, engine)
  if ('url' in place) {
    const url = new URL(await place.url.reveal())
    const detour = await detourTo(t, url)
    url.host = `127.0.0.1:${detour.port}`
    return {
      place: postgresPlace(url.href),
      detour,
      fault: /^the (connection to the database failed|database server cannot be reached)$/,
      async goAway(open) {
        await open.close()
        await detour.cut()
      },
      comeBack: () => detour.mend(),
    }
  }
  const file = join(place.dataDir, SQLITE_FILE)
  return {
    place,
    detour: null,
    fault: /^the database file is damaged: /,
    async goAway(open) {
      await open.close()
      renameSync(file, `${file}.whole`)
      writeFileSync(file, 'no database at all, but longer than the header of one'.repeat(9))
    },
    async comeBack(open) {
      await open.close()
      renameSync(`${file}.whole`, file)
    },
  }
}
