import type { Registry } from 'prom-client'
import { addCounts, addGauge } from './registry.ts'

/** What is known of the streams of this process. */
export interface StreamSources {
  readonly streams: {
    /** How many are open. */
    readonly count: number
    /** How many events were sent since the start. */
    readonly sent: number
  }
}

/** What is told of the streams; they are no requests, which end soon. */
export function streamMetrics(registry: Registry, { streams }: StreamSources): void {
  addGauge(
    registry,
    { name: 'ayalon_streams_open', help: 'Streams of events that are open now.' },
    () => streams.count,
  )
  addCounts(
    registry,
    {
      name: 'ayalon_stream_events_total',
      help: 'Events that were sent on streams, by type; heartbeats are none.',
      labels: ['event'],
    },
    () => [[{ event: 'snapshot' }, streams.sent]],
  )
}
