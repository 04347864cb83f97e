import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { DEFAULT_MODEL } from '../../impact/models.ts'
import type { Queries } from '../database/database.ts'
import type { Tables } from '../database/tables.ts'
import { computeTotals } from '../totals/compute-totals.ts'
import { writeGaps } from '../totals/gaps.ts'
import { keepVersion, lockCorridor } from './corridor-version.ts'
import { keepObservations } from './observations.ts'
import { lastRefreshEnd } from './refreshes.ts'
import type { AttemptRecord, Tick } from './tick.ts'

const compress = promisify(gzip)

/**
 * Writes all that one refresh is remembered by, and brings the totals up to its end, in one
 * transaction. Written again, it changes nothing.
 * @throws the database's error; then nothing is written
 */
export async function writeTick(db: Queries, tick: Tick): Promise<void> {
  const bodies = await bodiesOf(tick)
  await db.transaction().execute(async (transaction) => {
    const { corridor, source, snapshot, endedAtMs } = tick
    const version = await keepVersion(transaction, corridor, endedAtMs)
    await lockCorridor(transaction, corridor.id)
    const before = await lastRefreshEnd(transaction, corridor.id, source)
    await keepAttempts(transaction, tick, bodies)
    if (snapshot !== null) {
      const { id, provider, observedAtMs, fetchedAtMs, refused, warnings } = snapshot
      await transaction
        .insertInto('snapshots')
        .values({
          id,
          corridor: corridor.id,
          source,
          version,
          provider,
          observed_ms: observedAtMs,
          fetched_ms: fetchedAtMs,
          refused: JSON.stringify(refused),
          warnings: JSON.stringify(warnings),
        })
        .onConflict((conflict) => conflict.column('id').doNothing())
        .execute()
      await keepObservations(transaction, version, snapshot)
    }
    const fromMs = Math.min(before ?? endedAtMs, snapshot?.observedAtMs ?? endedAtMs)
    const span = { fromMs, toMs: Math.max(before ?? endedAtMs, endedAtMs) }
    const { id: corridorId, timeZone } = corridor
    const task = { corridorId, source, timeZone, model: DEFAULT_MODEL, ...span }
    const observed = await computeTotals(transaction, task)
    await writeGaps(transaction, corridor, source, observed, span)
  })
}

/** Compressed before the transaction begins, so that no other waits for it. */
async function bodiesOf({ attempts }: Tick): Promise<Tables['raw_bodies'][]> {
  const rows = attempts.flatMap(({ id, calls }) =>
    calls.map(async ({ atMs, name, body }, index) => {
      if (body === null) return []
      const gzip_base64 = (await compress(body)).toString('base64')
      return [{ provider_call: callId(id, index), at_ms: atMs, name, gzip_base64 }]
    }),
  )
  return (await Promise.all(rows)).flat()
}

const callId = (refresh: string, index: number): string => `${refresh}.${index}`

async function keepAttempts(
  db: Queries,
  { corridor, source, attempts, endedAtMs }: Tick,
  bodies: readonly Tables['raw_bodies'][],
): Promise<void> {
  const refreshes = attempts.map(
    ({ id, provider, atMs, outcome, detail }): Tables['refreshes'] => ({
      id,
      corridor: corridor.id,
      source,
      provider,
      at_ms: atMs,
      ended_ms: endedAtMs,
      outcome,
      detail,
    }),
  )
  const calls = attempts.flatMap(callRows)
  for (const insert of [
    refreshes.length > 0 && db.insertInto('refreshes').values(refreshes),
    calls.length > 0 && db.insertInto('provider_calls').values(calls),
    bodies.length > 0 && db.insertInto('raw_bodies').values(bodies),
  ])
    if (insert) await insert.onConflict((conflict) => conflict.doNothing()).execute()
}

const callRows = ({ id, provider, calls }: AttemptRecord): Tables['provider_calls'][] =>
  calls.map(({ atMs, durationMs, outcome }, index) => ({
    id: callId(id, index),
    refresh: id,
    provider,
    at_ms: atMs,
    duration_ms: Math.round(durationMs),
    outcome,
  }))
