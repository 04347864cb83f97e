import { Counter, type Registry } from 'prom-client'
import { LIMIT_NAMES, type LimitName } from '../access/limit-names.ts'
import type { LimitStore } from '../access/limit-store.ts'
import { addGauge } from './registry.ts'

/** What is told of the limits. */
export class LimitMetrics {
  readonly #limited: Counter

  constructor(registry: Registry, store: Pick<LimitStore, 'isFallback'>) {
    this.#limited = new Counter({
      name: 'ayalon_http_rate_limited_total',
      help: 'Requests that were refused because their client asked too often, by the limit that it reached.',
      labelNames: ['limit'],
      registers: [registry],
    })
    for (const limit of LIMIT_NAMES) this.#limited.inc({ limit }, 0)
    addGauge(
      registry,
      {
        name: 'ayalon_rate_limit_fallback',
        help: '1 while this process counts requests for itself because Redis is away, else 0.',
      },
      () => Number(store.isFallback),
    )
  }

  exceeded(limit: LimitName): void {
    this.#limited.inc({ limit })
  }
}
