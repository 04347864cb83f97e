import { Counter, Gauge, type Registry } from 'prom-client'

/** What a scraper gets. */
export interface Scrapable {
  readonly contentType: string
  /** All metrics in Prometheus' text format. Asks nobody: what is told was seen before. */
  metrics(): Promise<string>
}

/** A name and its help text, which says meaning and unit. */
interface Described {
  readonly name: string
  readonly help: string
}

/** A value, and what it is the value of. */
export type Reading = readonly [labels: Readonly<Record<string, string>>, value: number]

/** Adds a gauge that is read at every scrape. */
export function addGauge(registry: Registry, { name, help }: Described, read: () => number): void {
  new Gauge({
    name,
    help,
    registers: [registry],
    collect() {
      this.set(read())
    },
  })
}

/** Adds a gauge with labels that is read at every scrape; what is not read then is absent. */
export function addGauges(
  registry: Registry,
  { name, help, labels }: Described & { readonly labels: readonly string[] },
  read: () => readonly Reading[],
): void {
  new Gauge({
    name,
    help,
    labelNames: labels,
    registers: [registry],
    collect() {
      this.reset()
      for (const [of, value] of read()) this.set(of, value)
    },
  })
}

/** Adds a counter of what is counted elsewhere, which never goes down while the process lives. */
export function addCounts(
  registry: Registry,
  { name, help, labels }: Described & { readonly labels: readonly string[] },
  read: () => readonly Reading[],
): void {
  new Counter({
    name,
    help,
    labelNames: labels,
    registers: [registry],
    collect() {
      this.reset()
      for (const [of, value] of read()) this.inc(of, value)
    },
  })
}
