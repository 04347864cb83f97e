import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'kysely'
import { pino } from 'pino'
import t, { type Test } from 'tap'
import { sectionsOf } from '../../src/corridors/corridor.ts'
import { Connection } from '../../src/storage/connection.ts'
import type { Database } from '../../src/storage/database/database.ts'
import { Recorder } from '../../src/storage/recorder.ts'
import { TickQueue } from '../../src/storage/ticks/queue.ts'
import { lastRefreshEnd } from '../../src/storage/ticks/refreshes.ts'
import { computeTotals } from '../../src/storage/totals/compute-totals.ts'
import { MILL_ROAD } from '../corridors/fixtures/straight-road.ts'
import { migratedPlace, newFolder, onBothEngines } from '../helpers/databases.ts'
import { contentsOf, MINUTE } from '../helpers/ticks.ts'

const WRITER = resolve(import.meta.dirname, '../helpers/crash-writer.ts')
const START = Date.parse('2026-11-18T06:00:00Z')
const ROUNDS = 10
/** A writer lives at most this long after its first acknowledged tick, ms. */
const MOST_MS = 60

const log = pino({ level: 'silent' })
const { id: corridorId, timeZone } = MILL_ROAD
const SECTIONS = sectionsOf(MILL_ROAD).length

/** Lets a writer work and kills it at some moment; the times of the ticks that it acknowledged. */
async function killWriter(args: readonly string[], kill: () => Promise<void>): Promise<number[]> {
  const child = spawn(process.execPath, [WRITER, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  const acknowledged: number[] = []
  const lines = createInterface(child.stdout)
  lines.on('line', (line) => acknowledged.push(Number(line)))
  const exited = once(child, 'exit')
  await Promise.race([once(lines, 'line'), exited])
  await sleep(Math.random() * MOST_MS)
  child.kill('SIGKILL')
  await kill()
  await exited
  return acknowledged
}

/** Every acknowledged observation is there, and the totals are those of the observations. */
async function checkAll(t: Test, { engine, write }: Database, acknowledged: number[]) {
  const { rows } = await sql<{ observed_ms: number; sections: number }>`
    SELECT observed_ms, COUNT(*) AS sections FROM observations GROUP BY observed_ms`.execute(write)
  const found = new Map(rows.map((row) => [row.observed_ms, row.sections]))
  t.strictSame(
    acknowledged.filter((atMs) => found.get(atMs) !== SECTIONS),
    [],
    'nothing acknowledged is missing',
  )
  if (engine === 'sqlite') {
    const { rows: verdict } = await sql`PRAGMA integrity_check`.execute(write)
    t.strictSame(
      verdict.map((row) => ({ ...Object(row) })),
      [{ integrity_check: 'ok' }],
    )
  }
  const before = await contentsOf(write)
  const toMs = (await lastRefreshEnd(write, corridorId, 'live')) ?? START
  const task = { corridorId, source: 'live', timeZone, model: 'physical' } as const
  await computeTotals(write, { ...task, fromMs: START, toMs })
  t.strictSame(await contentsOf(write), before, 'no total changes when it is computed anew')
  return rows.length
}

t.test('a process that is killed at any moment loses nothing that it acknowledged', async (t) => {
  await onBothEngines(t, async (t, engine) => {
    const place = await migratedPlace(t, engine)
    const dataDir = 'dataDir' in place ? place.dataDir : newFolder(t)
    const url = 'url' in place ? [await place.url.reveal()] : []
    const acknowledged: number[] = []
    const connection = new Connection(place, log)
    t.teardown(() => connection.close())
    let moments = 0
    for (let round = 0; round < ROUNDS; round += 1) {
      const server = round % 5 === 4 ? engine.server?.restart : null
      const from = Math.max(START, ...acknowledged) + 5 * MINUTE
      const told = await killWriter([dataDir, String(from), ...url], async () => server?.kill())
      acknowledged.push(...told)
      await connection.close()
      await server?.start()
      // What was under way is on disk, or is not: the next process takes it up.
      const queue = new TickQueue(join(dataDir, 'queue'))
      await new Recorder({ connection, queue, log, keepBodies: true }).retry()
      t.equal(await queue.oldest(), null, 'nothing is left waiting')
      moments = await connection.use((database) => checkAll(t, database, acknowledged))
    }
    t.ok(acknowledged.length >= ROUNDS / 2, `${acknowledged.length} ticks were acknowledged`)
    t.ok(moments >= acknowledged.length)
  })
})
