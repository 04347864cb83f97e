/** How a reader of a corridor was served: by a tier of the snapshot, or not at all. */
export type ServedTier = 'live' | 'lastKnownGood' | 'simulated' | 'replay' | 'unavailable'

/** How the cache of snapshots answered: with a fresh one, an old one, or none. */
export type CacheResult = 'hit' | 'stale' | 'miss'

/** Null for a request that asked for no snapshot. */
export function cacheResult(served: ServedTier | null): CacheResult | null {
  if (served === null) return null
  if (served === 'unavailable') return 'miss'
  return served === 'lastKnownGood' ? 'stale' : 'hit'
}
