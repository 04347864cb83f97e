import { Registry } from 'prom-client'
import type { LimitStore } from '../access/limit-store.ts'
import type { Storage } from '../storage/storage.ts'
import { HttpMetrics } from './http.ts'
import { LimitMetrics } from './limits.ts'
import { type ProcessSources, processMetrics } from './process.ts'
import type { Scrapable } from './registry.ts'
import { type SnapshotSources, snapshotMetrics } from './snapshot.ts'
import { storageMetrics } from './storage.ts'
import { type StreamSources, streamMetrics } from './streams.ts'
import { type UpstreamSources, upstreamMetrics } from './upstream.ts'

/** What the metrics are read from. */
export interface MetricSources
  extends SnapshotSources,
    StreamSources,
    UpstreamSources,
    ProcessSources {
  readonly storage: Pick<Storage, 'connection' | 'health'>
  readonly limitStore: LimitStore
}

/** All metrics of the service, and those that requests are to be told to. */
export interface ServiceMetrics {
  readonly all: Scrapable
  readonly http: HttpMetrics
  readonly limits: LimitMetrics
}

/** Makes the metrics of one service. */
export function serviceMetrics(sources: MetricSources): ServiceMetrics {
  const registry = new Registry()
  const http = new HttpMetrics(registry)
  const limits = new LimitMetrics(registry, sources.limitStore)
  snapshotMetrics(registry, sources)
  streamMetrics(registry, sources)
  upstreamMetrics(registry, sources)
  storageMetrics(registry, sources.storage)
  processMetrics(registry, sources)
  return { all: registry, http, limits }
}
