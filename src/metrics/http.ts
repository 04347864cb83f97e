import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import type { ProblemCode } from '../problems/problem.ts'
import type { CacheResult } from '../statistics/served.ts'

/** Upper bounds, seconds: finest around 50 ms, below which 95 of 100 reads should be. */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

/** Methods that are told apart. The parser knows some thirty more, which any client may send. */
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE']

/** What the service answers where it is to blame. */
const FAILURES = ['500', '503']

const CACHE_RESULTS: readonly CacheResult[] = ['hit', 'stale', 'miss']

/** A request that got its whole answer. */
export interface Answered {
  readonly method: string
  /** The pattern of its route, never its URL; undefined where there was none. */
  readonly route: string | undefined
  readonly status: number
  readonly seconds: number
  /** Null where no snapshot was asked for. */
  readonly cache: CacheResult | null
}

/** What is told of requests. No label is free for a client to choose. */
export class HttpMetrics {
  readonly #requests: Counter
  readonly #duration: Histogram
  readonly #inFlight: Gauge
  readonly #aborted: Counter
  readonly #refused: Counter
  readonly #cache: Counter

  constructor(registry: Registry) {
    const registers = [registry]
    this.#requests = new Counter({
      name: 'ayalon_http_requests_total',
      help: 'Requests that were answered, by route, method and status of the answer.',
      labelNames: ['method', 'route', 'status'],
      registers,
    })
    this.#duration = new Histogram({
      name: 'ayalon_http_request_duration_seconds',
      help: 'Time from the head of a request to the end of its answer, in seconds.',
      labelNames: ['method', 'route'],
      buckets: BUCKETS,
      registers,
    })
    this.#inFlight = new Gauge({
      name: 'ayalon_http_requests_in_flight',
      help: 'Requests that are being answered now; a scrape of this port is one of them.',
      registers,
    })
    this.#aborted = new Counter({
      name: 'ayalon_http_requests_aborted_total',
      help: 'Requests whose connection closed before they had their whole answer.',
      registers,
    })
    this.#refused = new Counter({
      name: 'ayalon_http_requests_refused_total',
      help: 'What was refused before it became a request of any route, by code of the problem.',
      labelNames: ['code'],
      registers,
    })
    this.#cache = new Counter({
      name: 'ayalon_cache_results_total',
      help: 'Reads of a current snapshot: hit (fresh), stale (an old one), miss (none to serve).',
      labelNames: ['result'],
      registers,
    })
    for (const result of CACHE_RESULTS) this.#cache.inc({ result }, 0)
  }

  /** A route is there: its failures count from 0, or the first ones would be no increase. */
  added(method: string, route: string): void {
    for (const status of FAILURES) this.#requests.inc({ method, route, status }, 0)
  }

  began(): void {
    this.#inFlight.inc()
  }

  /** A request that began got its answer. */
  answered({ method: sent, route = 'unmatched', status, seconds, cache }: Answered): void {
    const method = METHODS.includes(sent) ? sent : 'other'
    this.#inFlight.dec()
    this.#requests.inc({ method, route, status: String(status) })
    this.#duration.observe({ method, route }, seconds)
    if (cache !== null) this.#cache.inc({ result: cache })
  }

  /** A request that began did not get its whole answer. */
  aborted(): void {
    this.#inFlight.dec()
    this.#aborted.inc()
  }

  /** Something was refused that did not begin. */
  refused(code: ProblemCode): void {
    this.#refused.inc({ code })
  }
}
