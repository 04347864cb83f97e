import type { Queries } from '../database/database.ts'
import type { CallCount, QuotaWindow } from './shared-store.ts'

const DAY_MS = 86_400_000
/** Windows that begin this long before another are let go of: the longest ended 400 days ago. */
const KEEP_MS = (400 + 31) * DAY_MS

/** Takes a count back because a window of it is spent. */
class Spent extends Error {
  readonly window: QuotaWindow

  constructor(window: QuotaWindow) {
    super('a window is spent')
    this.window = window
  }
}

/**
 * Counts a call in every window or in none. All processes count in the same order of periods, so
 * that no two wait for each other.
 */
export async function countCall(
  db: Queries,
  provider: string,
  windows: readonly QuotaWindow[],
): Promise<CallCount> {
  try {
    return await db.transaction().execute(async (transaction) => {
      const used: number[] = []
      for (const window of windows) used.push(await countIn(transaction, provider, window))
      return { granted: true, used }
    })
  } catch (error) {
    if (error instanceof Spent) return { granted: false, spent: error.window }
    throw error
  }
}

/**
 * Counts a call in one window, which is then locked until the transaction ends.
 * @returns how many it now has
 * @throws Spent when it has no call left
 */
async function countIn(db: Queries, provider: string, window: QuotaWindow): Promise<number> {
  const { period, fromMs, limit } = window
  const counted = await db
    .insertInto('quota_calls')
    .values({ provider, period, start_ms: fromMs, calls: 1 })
    .onConflict((conflict) =>
      conflict
        .columns(['provider', 'period', 'start_ms'])
        .doUpdateSet((row) => ({ calls: row('quota_calls.calls', '+', 1) }))
        .where('quota_calls.calls', '<', limit ?? Number.MAX_SAFE_INTEGER),
    )
    .returning('calls')
    .executeTakeFirst()
  if (counted === undefined) throw new Spent(window)
  // Once in each window is often enough to let go of the old ones.
  if (counted.calls === 1)
    await db
      .deleteFrom('quota_calls')
      .where('provider', '=', provider)
      .where('period', '=', period)
      .where('start_ms', '<', fromMs - KEEP_MS)
      .execute()
  return counted.calls
}

/** The calls that were counted in each window, in the order of the windows. */
export async function callsIn(
  db: Queries,
  provider: string,
  windows: readonly QuotaWindow[],
): Promise<readonly number[]> {
  const rows = await db
    .selectFrom('quota_calls')
    .select(['period', 'start_ms', 'calls'])
    .where('provider', '=', provider)
    .where((row) =>
      row.or(windows.map(({ period, fromMs }) => row.and({ period, start_ms: fromMs }))),
    )
    .execute()
  return windows.map(({ period, fromMs }) => {
    const row = rows.find((other) => other.period === period && other.start_ms === fromMs)
    return row?.calls ?? 0
  })
}
