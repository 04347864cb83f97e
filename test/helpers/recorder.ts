import { join } from 'node:path'
import { sql } from 'kysely'
import type { Test } from 'tap'
import { Connection } from '../../src/storage/connection.ts'
import type { DatabasePlace } from '../../src/storage/database/database.ts'
import { Recorder } from '../../src/storage/recorder.ts'
import { TickQueue } from '../../src/storage/ticks/queue.ts'
import type { Tick } from '../../src/storage/ticks/tick.ts'
import { SUNDAY_MORNING } from '../corridors/fixtures/straight-road.ts'
import { newFolder } from './databases.ts'
import { listenedLog } from './log.ts'
import { contentsOf, MINUTE, tickAt } from './ticks.ts'

/** When the first of the ticks ended. */
export const NOW = SUNDAY_MORNING

interface Setup {
  readonly dir?: string
  readonly mostBytes?: number
  readonly keepBodies?: boolean
}

/** A recorder of a database, with a queue in a folder of its own. */
export function recorderOf(
  t: Test,
  { place }: { readonly place: DatabasePlace },
  setup: Setup = {},
) {
  const { dir = join(newFolder(t), 'queue'), mostBytes, keepBodies = true } = setup
  const listened = listenedLog()
  const { log } = listened
  const connection = new Connection(place, log)
  const queue = new TickQueue(dir, mostBytes)
  const recorder = new Recorder({ connection, queue, log, keepBodies })
  t.teardown(() => connection.close())
  const contents = (...without: Parameters<typeof contentsOf>[1][]) =>
    connection.use(({ write }) => contentsOf(write, ...without))
  /** When each refresh ended, in minutes, in the order in which they were written. */
  const written = (): Promise<number[]> =>
    connection.use(async ({ write, engine }) => {
      const { rows } = await sql<{ ended_ms: number }>`
        SELECT ended_ms FROM refreshes ORDER BY ${sql.ref(engine === 'sqlite' ? 'rowid' : 'ctid')}
      `.execute(write)
      return rows.map(({ ended_ms }) => (ended_ms - NOW) / MINUTE)
    })
  return { ...listened, connection, recorder, dir, contents, written }
}

/** Ticks of so many minutes after the first. */
export const ticksOf = (...minutes: number[]): Tick[] =>
  minutes.map((minute) => tickAt(NOW + minute * MINUTE, { speedKmh: 20 + minute }))

export function recordAll(recorder: Recorder, ticks: readonly Tick[]): Promise<void> {
  for (const tick of ticks) recorder.record(tick)
  return recorder.settled()
}
