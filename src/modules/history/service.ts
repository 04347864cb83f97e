import type { Clock } from '../../clock.ts'
import { bucketsOf, type Interval, type Span } from '../../corridors/buckets.ts'
import type { Corridor } from '../../corridors/corridor.ts'
import type { Source } from '../../corridors/snapshot.ts'
import type { Amounts } from '../../impact/amounts.ts'
import { hoursBetween } from '../../impact/integral.ts'
import { DEFAULT_MODEL, type ModelId } from '../../impact/models.ts'
import { Problem } from '../../problems/problem.ts'
import type { Connection } from '../../storage/connection.ts'
import { DatabaseAway } from '../../storage/database-away.ts'
import { type BucketTotals, type Grouping, readTotals } from '../../storage/totals/read-totals.ts'
import { type Group, groupsOf } from './groups.ts'
import { rangeOf } from './range.ts'
import type { HistoryQuery } from './schemas.ts'

export interface HistoryOptions {
  readonly corridors: readonly Corridor[]
  /** What the configured providers' answers are; totals of others are not shown. */
  readonly source: Source
  readonly connection: Connection
  readonly clock: Clock
}

/** A client's question, checked and completed. */
export interface HistoryRequest {
  readonly corridor: Corridor
  readonly model: ModelId
  readonly interval: Interval
  /** Whole buckets. */
  readonly range: Span
  readonly by: Grouping
  readonly groups: readonly Group[]
  readonly direction?: string | undefined
  readonly section?: string | undefined
}

/** One bucket of one group. */
export interface HistoryRow {
  readonly bucket: Span
  readonly group: Group
  /** Null where nothing was measured. */
  readonly modelVersion: string | null
  readonly coverage: number
  readonly amounts: Amounts | null
}

const RETRY_SECONDS = 60

/** Reads the kept totals. */
export class HistoryService {
  readonly source: Source
  readonly #options: HistoryOptions

  constructor(options: HistoryOptions) {
    this.#options = options
    this.source = options.source
  }

  /**
   * Checks a question.
   * @param by what rows are for where the client does not say
   * @throws Problem `not_found` for an unknown corridor, `invalid_input` naming what is wrong
   */
  request(corridorId: string, query: HistoryQuery, by?: Grouping): HistoryRequest {
    const corridor = this.#options.corridors.find(({ id }) => id === corridorId)
    if (corridor === undefined) throw new Problem('not_found', 'There is no such corridor.')
    const { interval, direction, section } = query
    const range = rangeOf(query, corridor.timeZone, this.#options.clock.now())
    const asked = { by: query.by ?? by, direction, section }
    const model = query.model ?? DEFAULT_MODEL
    return { corridor, model, interval, range, direction, section, ...groupsOf(corridor, asked) }
  }

  /**
   * The first buckets of a range, each with a row for every group, and where the last of them ends.
   * @throws Problem `source_unavailable` while the database is away
   */
  async rows(
    request: HistoryRequest,
    mostBuckets: number,
  ): Promise<{ readonly rows: HistoryRow[]; readonly endMs: number }> {
    const { corridor, interval, range, groups, ...query } = request
    const buckets = bucketsOf(range, interval, corridor.timeZone).take(mostBuckets).toArray()
    const endMs = buckets.reduce((_, { toMs }) => toMs, range.fromMs)
    const span = { fromMs: range.fromMs, toMs: endMs }
    const found = await this.#read({ ...query, corridorId: corridor.id, interval, span })
    const byKey = new Map(found.map((totals) => [keyOf(totals.startMs, totals), totals]))
    const rows = buckets.flatMap((bucket) =>
      groups.map((group) => rowOf(bucket, group, byKey.get(keyOf(bucket.fromMs, group)))),
    )
    return { rows, endMs }
  }

  async #read(query: Omit<Parameters<typeof readTotals>[1], 'source'>): Promise<BucketTotals[]> {
    const { connection, source } = this.#options
    try {
      return await connection.useOpen(({ read }) => readTotals(read, { ...query, source }))
    } catch (error) {
      if (!(error instanceof DatabaseAway)) throw error
      throw new Problem('source_unavailable', `The history cannot be read: ${error.message}.`, {
        retryAfterSeconds: RETRY_SECONDS,
      })
    }
  }
}

const keyOf = (startMs: number, { direction, section }: Omit<Group, 'lengthKm'>): string =>
  `${startMs} ${direction} ${section}`

function rowOf(bucket: Span, group: Group, totals: BucketTotals | undefined): HistoryRow {
  if (totals === undefined) return { bucket, group, modelVersion: null, coverage: 0, amounts: null }
  const whole = group.lengthKm * hoursBetween(bucket.fromMs, bucket.toMs)
  return {
    bucket,
    group,
    modelVersion: totals.modelVersions.join('+'),
    // Where a corridor was longer before, more may have been measured than it has now.
    coverage: Math.min(1, totals.measuredKmH / whole),
    amounts: totals.amounts,
  }
}
