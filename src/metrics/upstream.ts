import { Counter, Histogram, type Registry } from 'prom-client'
import type { AttemptCounts } from '../collector/outcome-counts.ts'
import { FAILURE_OUTCOMES, OUTCOMES } from '../corridors/outcome.ts'
import type { ProviderName } from '../corridors/snapshot.ts'
import type { BreakerView } from '../providers/upstream/breaker.ts'
import type { Guarded, QuotaWatch } from '../providers/upstream/quota-watch.ts'
import type { Lease } from '../storage/shared/lease.ts'
import { addCounts, addGauge, addGauges } from './registry.ts'

/** Upper bounds, seconds; a call may take ten seconds unless the configuration says otherwise. */
const BUCKETS = [0.05, 0.1, 0.2, 0.3, 0.5, 1, 2, 5, 10, 30]

const BREAKER_STATES: readonly BreakerView['state'][] = ['closed', 'open', 'halfOpen']

export interface UpstreamSources {
  /** Every provider, also those that make no call over the network. */
  readonly providers: readonly { readonly name: ProviderName }[]
  /** Those that do. */
  readonly guarded: readonly Guarded[]
  readonly counts: AttemptCounts
  readonly quota: QuotaWatch
  readonly lease: Pick<Lease, 'right'>
}

/** What is told of the providers, and of the right to ask them. */
export function upstreamMetrics(registry: Registry, sources: UpstreamSources): void {
  const { providers, guarded, counts, quota, lease } = sources
  addCalls(registry, guarded)
  addCounts(
    registry,
    {
      name: 'ayalon_upstream_refreshes_total',
      help: 'Refreshes of a corridor that this process tried, by provider and how they ended.',
      labels: ['provider', 'outcome'],
    },
    () =>
      providers.flatMap(({ name: provider }) =>
        OUTCOMES.map((outcome) => [{ provider, outcome }, counts.of(provider)[outcome] ?? 0]),
      ),
  )
  const uses = () =>
    guarded.flatMap(({ name: provider }) =>
      quota.of(provider).map(({ window: { period, limit }, used }) => ({
        labels: { provider, period },
        used,
        limit,
      })),
    )
  addGauges(
    registry,
    {
      name: 'ayalon_upstream_quota_used_calls',
      help: 'Calls of all processes in the present hour, day and month (UTC), retries included; as of at most 15 seconds ago.',
      labels: ['provider', 'period'],
    },
    () => uses().map(({ labels, used }) => [labels, used]),
  )
  addGauges(
    registry,
    {
      name: 'ayalon_upstream_quota_limit_calls',
      help: 'Most calls in an hour, a day and a month (UTC); absent where any number is allowed.',
      labels: ['provider', 'period'],
    },
    () => uses().flatMap(({ labels, limit }) => (limit === null ? [] : [[labels, limit]])),
  )
  addGauges(
    registry,
    {
      name: 'ayalon_upstream_breaker_state',
      help: '1 for the state that the breaker of a provider is in (closed lets calls through), 0 for the others.',
      labels: ['provider', 'state'],
    },
    () =>
      guarded.flatMap(({ name: provider, guard }) => {
        const { state: present } = guard.view
        return BREAKER_STATES.map((state) => [{ provider, state }, Number(state === present)])
      }),
  )
  addGauge(
    registry,
    {
      name: 'ayalon_collector_leader',
      help: '1 while this process is the one that collects, 0 while another does or nobody knows.',
    },
    () => Number(lease.right === 'held'),
  )
}

/** Calls over the network, each when it has ended. */
function addCalls(registry: Registry, guarded: readonly Guarded[]): void {
  const calls = new Counter({
    name: 'ayalon_upstream_calls_total',
    help: 'Calls of this process over the network to a provider, retries included, by how they ended.',
    labelNames: ['provider', 'outcome'],
    registers: [registry],
  })
  const duration = new Histogram({
    name: 'ayalon_upstream_call_duration_seconds',
    help: 'Time of one call over the network to a provider, in seconds.',
    labelNames: ['provider'],
    buckets: BUCKETS,
    registers: [registry],
  })
  for (const { name: provider, guard } of guarded) {
    for (const outcome of ['ok', ...FAILURE_OUTCOMES]) calls.inc({ provider, outcome }, 0)
    duration.zero({ provider })
    guard.onCall(({ outcome, durationMs }) => {
      calls.inc({ provider, outcome })
      duration.observe({ provider }, durationMs / 1000)
    })
  }
}
