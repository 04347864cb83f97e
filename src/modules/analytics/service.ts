import type { Clock } from '../../clock.ts'
import type { Corridor } from '../../corridors/corridor.ts'
import { Problem } from '../../problems/problem.ts'
import { DAY_MS, dayOf } from '../../statistics/day-counts.ts'
import type { RequestStatistics } from '../../statistics/request-statistics.ts'
import { type CountedDay, readCounts } from '../../storage/analytics/counts.ts'
import type { Connection } from '../../storage/connection.ts'
import type { CurrentState } from '../../storage/current-state.ts'
import { DatabaseAway } from '../../storage/database-away.ts'
import { type Freshness, freshnessOf } from './freshness.ts'
import type { AnalyticsView, SummaryView } from './schemas.ts'
import { analyticsView, summaryView } from './view.ts'

export interface AnalyticsOptions {
  readonly statistics: RequestStatistics
  readonly corridors: readonly Corridor[]
  readonly state: CurrentState
  readonly connection: Connection
  readonly clock: Clock
  readonly maxStaleSeconds: number
}

const RETRY_SECONDS = 60

/** What is known of requests, calls and data. Only the days are read from the database. */
export class AnalyticsService {
  readonly #options: AnalyticsOptions

  constructor(options: AnalyticsOptions) {
    this.#options = options
  }

  /**
   * @param days how many calendar days in UTC, of which today is the last; undefined for none
   * @throws Problem `source_unavailable` where there are days to read and the database is away
   */
  async full(days: number | undefined): Promise<AnalyticsView> {
    const nowMs = this.#options.clock.now()
    const counted = days === undefined ? null : await this.#read(dayOf(nowMs) - (days - 1) * DAY_MS)
    return analyticsView(this.#options.statistics, this.#freshness(nowMs), counted, nowMs)
  }

  summary(): SummaryView {
    const nowMs = this.#options.clock.now()
    return summaryView(this.#options.statistics, this.#freshness(nowMs), nowMs)
  }

  #freshness(nowMs: number): Freshness[] {
    const { corridors, state, maxStaleSeconds } = this.#options
    return corridors.map(({ id }) => freshnessOf(id, state.of(id), nowMs, maxStaleSeconds))
  }

  async #read(fromMs: number): Promise<CountedDay[]> {
    try {
      return await this.#options.connection.useOpen(({ read }) => readCounts(read, fromMs))
    } catch (error) {
      if (!(error instanceof DatabaseAway)) throw error
      throw new Problem('source_unavailable', `The days cannot be read: ${error.message}.`, {
        retryAfterSeconds: RETRY_SECONDS,
      })
    }
  }
}
