import type { IssuedKeys } from '../../access/issued-keys.ts'
import type { LimitStore } from '../../access/limit-store.ts'
import { measuresNothing, type ProviderName } from '../../corridors/snapshot.ts'
import type { Reached } from '../../providers/upstream/reachability.ts'
import type { RequestStatistics } from '../../statistics/request-statistics.ts'
import type { CorridorState } from '../../storage/current-state.ts'
import { FRESH_SECONDS, servedNow } from '../../storage/freshness.ts'
import type { StorageHealth } from '../../storage/storage.ts'
import { isoTime } from '../../views/json.ts'
import type { HostLoad } from './host.ts'
import type { HealthView } from './schemas.ts'

type Checks = HealthView['checks']

/** Above these shares of the machine the service is degraded, percent. */
const MOST_PERCENT = { cpuPercent: 80, memoryPercent: 85, diskPercent: 90 } as const
/** Beyond this age data is stale; between fresh and this it is a warning. */
const WARNING_SECONDS = 1800

/** Where the limits of clients are counted, and why not where they are meant to be. */
export type LimitsSeen = Pick<LimitStore, 'kind' | 'fault'>

/** What is wrong with the pepper of the keys, for a person; null where nothing is. */
export type KeysSeen = Pick<IssuedKeys, 'fault'>

/** What the report is made of: all of it is at hand, nothing is asked for. */
export interface HealthFacts {
  readonly nowMs: number
  readonly startedAtMs: number
  readonly version: string
  readonly provider: ProviderName
  readonly states: readonly CorridorState[]
  readonly maxStaleSeconds: number
  readonly load: HostLoad
  readonly database: StorageHealth
  readonly reached: Reached
  readonly limits: LimitsSeen
  /** The keys of the database; null where there are none. */
  readonly keys: KeysSeen | null
  readonly statistics: Pick<RequestStatistics, 'totalRequests' | 'errorCount' | 'served'>
}

/** True when at least one corridor has a snapshot young enough to serve. */
export const canServe = (
  states: readonly CorridorState[],
  nowMs: number,
  maxStaleSeconds: number,
): boolean =>
  states.some((state) => {
    const { kind } = servedNow(state, nowMs, maxStaleSeconds)
    return kind === 'fresh' || kind === 'stale'
  })

/** The full report: unhealthy when nothing can be served, degraded when any check is not ok. */
export function healthReport(facts: HealthFacts): HealthView {
  const { nowMs, states, statistics, load, database } = facts
  const { totalRequests, errorCount, served } = statistics
  const checks: Checks = {
    provider: providerCheck(facts),
    cache: cacheCheck(states),
    dataFreshness: freshnessCheck(states, nowMs),
    database: { status: database.status, detail: database.detail, queued: database.queued },
    redis: redisCheck(database),
    limits: limitsCheck(facts.limits),
    keys: keysCheck(facts.keys),
    mqtt: { status: 'disabled' },
    system: { status: systemStatus(load), ...load },
  }
  const allOk = Object.values(checks).every(
    ({ status }) => status === 'ok' || status === 'disabled',
  )
  const serves = canServe(states, nowMs, facts.maxStaleSeconds)
  return {
    status: serves ? (allOk ? 'healthy' : 'degraded') : 'unhealthy',
    timestamp: isoTime(nowMs),
    uptimeSeconds: Math.floor((nowMs - facts.startedAtMs) / 1000),
    version: facts.version,
    checks,
    statistics: {
      totalRequests,
      errorCount,
      errorRate: totalRequests === 0 ? 0 : errorCount / totalRequests,
      served: { ...served },
    },
  }
}

/** The last call of any corridor; one that failed anywhere is the one to tell of. */
function providerCheck({ states, provider, reached }: HealthFacts): Checks['provider'] {
  const attempts = states.map(({ attempt }) => attempt).filter((attempt) => attempt !== null)
  const last = attempts.find(({ outcome }) => outcome !== 'ok') ?? attempts[0]
  if (last === undefined)
    return { status: 'unknown', provider, reachable: null, lastOutcome: null, responseTimeMs: null }
  const seen = reached(last.provider)
  return {
    status: last.outcome === 'ok' ? 'ok' : 'error',
    provider: last.provider,
    // A provider that is not on the network is reached by asking it.
    reachable: seen === undefined ? last.outcome === 'ok' : seen,
    lastOutcome: last.outcome,
    responseTimeMs: last.durationMs,
  }
}

function redisCheck({ redis }: StorageHealth): Checks['redis'] {
  if (redis === null) return { status: 'disabled' }
  return { status: redis === '' ? 'ok' : 'error', detail: redis || null }
}

const limitsCheck = ({ kind, fault }: LimitsSeen): Checks['limits'] => ({
  status: fault === null ? 'ok' : 'warning',
  store: kind,
  detail: fault,
})

const keysCheck = (keys: KeysSeen | null): Checks['keys'] =>
  keys === null
    ? { status: 'disabled' }
    : { status: keys.fault === null ? 'ok' : 'error', detail: keys.fault }

function cacheCheck(states: readonly CorridorState[]): Checks['cache'] {
  const entries = states.filter(({ snapshot }) => snapshot && !measuresNothing(snapshot)).length
  return { status: entries === states.length ? 'ok' : 'warning', entries }
}

function freshnessCheck(states: readonly CorridorState[], nowMs: number): Checks['dataFreshness'] {
  const observed = states.map(({ snapshot }) => snapshot?.observedAtMs ?? Number.NaN)
  const oldestMs = Math.min(...observed)
  if (Number.isNaN(oldestMs)) return { status: 'unknown', lastObservedAt: null, ageSeconds: null }
  const ageSeconds = Math.max(0, Math.floor((nowMs - oldestMs) / 1000))
  const old = ageSeconds <= WARNING_SECONDS ? 'warning' : 'stale'
  const status = ageSeconds <= FRESH_SECONDS ? 'ok' : old
  return { status, lastObservedAt: isoTime(oldestMs), ageSeconds }
}

function systemStatus(load: HostLoad): 'ok' | 'warning' {
  const over =
    (load.cpuPercent ?? 0) > MOST_PERCENT.cpuPercent ||
    (load.memoryPercent ?? 0) > MOST_PERCENT.memoryPercent ||
    (load.diskPercent ?? 0) > MOST_PERCENT.diskPercent
  return over ? 'warning' : 'ok'
}
