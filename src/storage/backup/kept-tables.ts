import type { Tables } from '../database/tables.ts'

/** A table is kept in a backup, read in the order of its primary key; or left out, for a reason. */
type Decision<Row> = { readonly key: readonly (keyof Row)[] } | { readonly leftOut: string }

/**
 * What is decided of each table; a new one must be added here. In the order in which they are read
 * and restored: what another one refers to comes before it.
 */
export const DECISIONS: { readonly [Table in keyof Tables]: Decision<Tables[Table]> } = {
  // The history: what was asked, what was answered, and what came of it.
  corridor_versions: { key: ['version'] },
  refreshes: { key: ['id'] },
  provider_calls: { key: ['id'] },
  raw_bodies: { key: ['provider_call'] },
  snapshots: { key: ['id'] },
  observations: { key: ['version', 'observed_ms', 'section', 'provider'] },
  gaps: { key: ['corridor', 'source', 'section', 'from_ms'] },
  series: { key: ['id'] },
  totals: { key: ['series', 'bucket_seconds', 'start_ms', 'origin'] },
  // A recomputation that was stopped goes on in the restored place.
  recomputations: {
    key: ['corridor', 'source', 'model', 'model_version', 'from_ms', 'to_ms'],
  },
  // What was asked of the providers is spent, wherever the service runs now.
  quota_calls: { key: ['provider', 'period', 'start_ms'] },
  provider_rounds: { key: ['provider'] },
  // Clients keep their keys, and the service what it counted.
  api_keys: { key: ['id'] },
  analytics_counts: { key: ['day_ms', 'name'] },

  collector_lease: { leftOut: 'who collects is a process of the old place' },
  shared_values: { leftOut: 'what processes tell each other now; the last snapshot is in history' },
  analytics_batches: { leftOut: 'what the processes of the old place wrote last' },
}

/** A table of a backup. */
export interface KeptTable {
  readonly table: string
  /** Columns of its primary key. */
  readonly key: readonly string[]
}

/** The tables of a backup, in order. */
export const KEPT_TABLES: readonly KeptTable[] = Object.entries(DECISIONS).flatMap(
  ([table, decision]) => ('key' in decision ? [{ table, key: decision.key }] : []),
)
