import type { Source } from '../../corridors/snapshot.ts'
import type { QuotaWindow } from '../shared/shared-store.ts'
import type { AmountColumns } from '../totals/amount-columns.ts'

/** The tables of `migrations/`, which say what each is for. Times are epoch milliseconds. */
export interface Tables {
  readonly corridor_versions: {
    readonly version: string
    readonly corridor: string
    readonly definition: string
    readonly first_used_ms: number
  }
  readonly refreshes: {
    readonly id: string
    readonly corridor: string
    readonly source: Source
    readonly provider: string
    readonly at_ms: number
    readonly ended_ms: number
    readonly outcome: string
    readonly detail: string
  }
  readonly provider_calls: {
    readonly id: string
    readonly refresh: string
    readonly provider: string
    readonly at_ms: number
    readonly duration_ms: number
    readonly outcome: string
  }
  readonly raw_bodies: {
    readonly provider_call: string
    readonly at_ms: number
    readonly name: string
    readonly gzip_base64: string
  }
  readonly snapshots: {
    readonly id: string
    readonly corridor: string
    readonly source: Source
    readonly version: string
    readonly provider: string
    readonly observed_ms: number
    readonly fetched_ms: number
    readonly refused: string
    readonly warnings: string
  }
  readonly observations: {
    readonly version: string
    readonly observed_ms: number
    readonly section: string
    readonly provider: string
    readonly fetched_ms: number
    readonly status: string
    readonly coverage: number
    readonly confidence: number | null
    readonly speed_kmh: number | null
    readonly free_flow_kmh: number | null
  }
  readonly gaps: {
    readonly corridor: string
    readonly source: Source
    readonly section: string
    readonly from_ms: number
    readonly to_ms: number
  }
  readonly series: {
    readonly id: number
    readonly corridor: string
    readonly source: Source
    readonly direction: string
    readonly section: string
    readonly model: string
    readonly model_version: string
  }
  readonly totals: {
    readonly series: number
    readonly bucket_seconds: number
    readonly start_ms: number
    readonly origin: 'computed' | 'imported'
    /** Kilometres of road times hours that were measured. */
    readonly measured_km_h: number
  } & AmountColumns
  readonly recomputations: {
    readonly corridor: string
    readonly source: Source
    readonly model: string
    readonly model_version: string
    readonly from_ms: number
    readonly to_ms: number
    readonly done_until_ms: number
  }
  readonly quota_calls: {
    readonly provider: string
    readonly period: QuotaWindow['period']
    readonly start_ms: number
    readonly calls: number
  }
  readonly collector_lease: {
    readonly name: string
    readonly owner: string
    readonly until_ms: number
  }
  readonly provider_rounds: {
    readonly provider: string
    readonly round_ms: number
  }
  readonly analytics_counts: {
    readonly day_ms: number
    readonly name: string
    readonly count: number
  }
  readonly analytics_batches: {
    readonly process: string
    readonly batch: number
    readonly at_ms: number
  }
  readonly shared_values: {
    readonly name: string
    readonly value: string
  }
  readonly api_keys: {
    readonly id: string
    readonly name: string
    readonly scope: 'read' | 'write' | 'admin'
    readonly hash: string
    readonly created_ms: number
    readonly expires_ms: number | null
    readonly last_used_ms: number | null
    readonly per_minute: number | null
    readonly per_hour: number | null
  }
}
