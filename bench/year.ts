import { judge } from '../src/collector/judge.ts'
import { indexBins } from '../src/corridors/bins.ts'
import { bucketsOf, type Span } from '../src/corridors/buckets.ts'
import type { Corridor } from '../src/corridors/corridor.ts'
import type { Snapshot } from '../src/corridors/snapshot.ts'
import { createSimulated } from '../src/providers/simulated/provider.ts'
import type { Connection } from '../src/storage/connection.ts'
import type { Queries } from '../src/storage/database/database.ts'
import { keepVersion } from '../src/storage/ticks/corridor-version.ts'
import { keepObservations } from '../src/storage/ticks/observations.ts'

/** Between two observations, ms. */
const STEP_MS = 300_000

/** Fills a database with what the simulated provider says of a corridor every five minutes. */
export async function fillWithSimulated(
  connection: Connection,
  corridor: Corridor,
  span: Span,
): Promise<void> {
  for (const day of bucketsOf(span, '1d', corridor.timeZone)) {
    const snapshots = await snapshotsOf(corridor, day)
    await connection.use(({ write }) =>
      write.transaction().execute(async (transaction) => {
        const version = await keepVersion(transaction, corridor, day.fromMs)
        for (const snapshot of snapshots) await keepObservations(transaction, version, snapshot)
        await noteRefresh(transaction, corridor.id, day.toMs)
      }),
    )
  }
}

async function snapshotsOf(corridor: Corridor, { fromMs, toMs }: Span): Promise<Snapshot[]> {
  const provider = createSimulated()
  const index = indexBins(corridor)
  const { signal } = new AbortController()
  const snapshots: Snapshot[] = []
  for (let atMs = fromMs; atMs < toMs; atMs += STEP_MS) {
    const context = { atMs, signal, now: () => atMs, noteCall() {} }
    const answer = await provider.refresh(corridor, context)
    const before = { provider: provider.name, fetchedAtMs: atMs, previous: null }
    const snapshot = judge(corridor.id, index, answer, before)
    if ('sections' in snapshot) snapshots.push(snapshot)
  }
  return snapshots
}

/** Until when it is known what was observed. */
const noteRefresh = (db: Queries, corridor: string, endedMs: number) =>
  db
    .insertInto('refreshes')
    .values({
      id: `bench-${endedMs}`,
      corridor,
      source: 'simulated',
      provider: 'simulated',
      at_ms: endedMs,
      ended_ms: endedMs,
      outcome: 'ok',
      detail: '',
    })
    .execute()
