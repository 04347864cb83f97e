import type { Test } from 'tap'
import type { Database, DatabasePlace } from '../../src/storage/database/database.ts'
import { Storage, type StorageOptions } from '../../src/storage/storage.ts'
import { MILL_ROAD } from '../corridors/fixtures/straight-road.ts'
import { newFolder } from './databases.ts'
import { FakeClock } from './fake-clock.ts'
import { listenedLog } from './log.ts'

/** The loops that try again and that let go of what is old. */
export const LOOPS = 2

/** The memory of a service of the mill road, on a clock that stands still. Stopped after the test. */
export function memoryOf(
  t: Test,
  place: DatabasePlace,
  nowMs: number,
  options: Partial<StorageOptions> = {},
) {
  const clock = new FakeClock(nowMs)
  const listened = listenedLog()
  const dataDir = options.dataDir ?? newFolder(t)
  const storage = new Storage({
    place,
    redis: null,
    dataDir,
    retention: { observations: 400, raw: 30 },
    corridors: [MILL_ROAD],
    providers: ['here', 'tomtom'],
    clock,
    log: listened.log,
    ...options,
  })
  t.teardown(() => storage.stop())
  /** Does something on the database that the memory uses. */
  const query = <T>(work: (db: Database['write']) => Promise<T>): Promise<T> =>
    storage.connection.use(({ write }) => work(write))
  return { ...listened, storage, clock, dataDir, query }
}
