import { collectDefaultMetrics, type Registry } from 'prom-client'
import { addGauges } from './registry.ts'

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

/** What any process of Node.js tells of itself, and which version of the service it is. */
export function processMetrics(registry: Registry, version: string): void {
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
}
