import { collectDefaultMetrics, type Registry } from 'prom-client'
import { addGauge, addGauges } from './registry.ts'

/** Figures of the library that are not what they seem. */
const LEFT_OUT = [
  // Gauges under names of counters; each is the sum of its neighbour without `_total`.
  'nodejs_active_handles_total',
  'nodejs_active_requests_total',
  'nodejs_active_resources_total',
  // 292 years where two scrapes follow each other at once.
  'nodejs_eventloop_lag_min_seconds',
  // Of collections that are told together, only the first is counted.
  'nodejs_gc_duration_seconds',
]

export interface ProcessSources {
  readonly version: string
  /** What the process may use in all. */
  readonly memoryBytes: number
}

/** What any process of Node.js tells of itself, which version of the service it is, and what it may use. */
export function processMetrics(registry: Registry, { version, memoryBytes }: ProcessSources): void {
  collectDefaultMetrics({ register: registry })
  for (const name of LEFT_OUT) registry.removeSingleMetric(name)
  addGauges(
    registry,
    {
      name: 'ayalon_build_info',
      help: 'Always 1; the version of the service is its label.',
      labels: ['version'],
    },
    () => [[{ version }, 1]],
  )
  addGauge(
    registry,
    {
      name: 'ayalon_memory_limit_bytes',
      help: "What the process may use in all: the container's limit, else the machine's memory, in bytes.",
    },
    () => memoryBytes,
  )
}
