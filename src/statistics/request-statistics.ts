import type { ProblemCode } from '../problems/problem.ts'
import { DayCounts } from './day-counts.ts'
import { type CountName, type Figures, figuresOf, type RequestResult } from './figures.ts'
import { LastValues } from './last-values.ts'
import { cacheResult, type ServedTier } from './served.ts'

/** Of so many calls to providers the latencies are known exactly. */
const LATENCIES = 1000

/** How a request ended. */
export interface Ended {
  /** Method and pattern, or one name for all that found no route: routes are few. */
  readonly route: string
  /** Null where the client left before it had its whole answer. */
  readonly status: number | null
  /** Of the problem that was answered with; null where there was none. */
  readonly code: ProblemCode | null
  /** How a corridor's current state was served; null where none was asked for. */
  readonly served: ServedTier | null
  readonly durationMs: number
}

/** The requests of one route. */
export interface RouteFigures {
  readonly route: string
  readonly total: number
  /** With a status of 400 or more, but not of 429, or without an answer. */
  readonly failed: number
  readonly meanMs: number
}

/** What one process counts of its requests and of its calls to providers, since its start. */
export class RequestStatistics {
  readonly #now: () => number
  readonly #counts = new Map<CountName, number>()
  readonly #routes = new Map<string, { total: number; failed: number; sumMs: number }>()
  readonly #latencies = new LastValues(LATENCIES)
  readonly #served = { live: 0, lastKnownGood: 0, simulated: 0, replay: 0, unavailable: 0 }
  #errorCount = 0
  /** Epoch ms. */
  readonly startedAtMs: number
  /** The same counts by day, for whoever keeps them. */
  readonly unkept = new DayCounts()

  /** @param now epoch ms */
  constructor(now: () => number) {
    this.#now = now
    this.startedAtMs = now()
  }

  noteEnd({ route, status, code, served, durationMs }: Ended): void {
    const result = resultOf(status)
    const counts = this.#routes.get(route) ?? { total: 0, failed: 0, sumMs: 0 }
    this.#routes.set(route, counts)
    counts.total += 1
    counts.sumMs += durationMs
    if (result === 'failed') counts.failed += 1
    if (status !== null && status >= 500) this.#errorCount += 1
    if (served !== null) this.#served[served] += 1
    this.#add(`requests.${result}`)
    const error = status === null ? 'aborted' : code
    if (error !== null) this.#add(`errors.${error}`)
    const cached = cacheResult(served)
    if (cached !== null) this.#add(`cache.${cached}`)
  }

  /** Notes a request that was refused before a route was looked for. */
  noteRefusal(code: ProblemCode): void {
    this.#add('requests.failed')
    this.#add(`errors.${code}`)
  }

  /** Notes a call to a provider: what came of it, and how long it took. */
  noteCall({
    outcome,
    durationMs,
  }: {
    readonly outcome: string
    readonly durationMs: number
  }): void {
    this.#add(outcome === 'ok' ? 'upstream.ok' : 'upstream.failed')
    this.#latencies.add(durationMs)
  }

  get figures(): Figures {
    return figuresOf(this.#counts)
  }

  get totalRequests(): number {
    return this.figures.requests.total
  }

  /** Answers with a status of 500 or more. */
  get errorCount(): number {
    return this.#errorCount
  }

  /** Reads of a corridor's current state. */
  get served(): Readonly<Record<ServedTier, number>> {
    return this.#served
  }

  /** How long the last calls to providers took, ms; null before the first. */
  get latencyMs(): { readonly p50: number | null; readonly p95: number | null } {
    return { p50: this.#latencies.percentile(0.5), p95: this.#latencies.percentile(0.95) }
  }

  /** Every route that was asked for, the busiest first. */
  get byRoute(): RouteFigures[] {
    return [...this.#routes]
      .map(([route, { total, failed, sumMs }]) => ({
        route,
        total,
        failed,
        meanMs: sumMs / total,
      }))
      .toSorted((a, b) => b.total - a.total)
  }

  #add(name: CountName): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1)
    this.unkept.add(this.#now(), name)
  }
}

function resultOf(status: number | null): RequestResult {
  if (status === 429) return 'rateLimited'
  return status !== null && status < 400 ? 'successful' : 'failed'
}
