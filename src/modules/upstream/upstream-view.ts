import type { OutcomeCounts } from '../../collector/outcome-counts.ts'
import type { ProviderName } from '../../corridors/snapshot.ts'
import type { Provider } from '../../providers/provider.ts'
import { type QuotaUse, WARN_PERCENT } from '../../providers/upstream/budget.ts'
import type { Attempt } from '../../storage/current-state.ts'
import { unlessAway } from '../../storage/shared/shared-store.ts'
import { isoTime } from '../../views/json.ts'
import type { UpstreamView } from './schemas.ts'

type ProviderView = UpstreamView['providers'][number]

/** What is known of a provider beside its guard. */
interface Seen {
  readonly reachable: boolean | null
  readonly outcomes: OutcomeCounts
  /** The last attempts of which this process knows, of any provider. */
  readonly attempts: readonly (Attempt | null)[]
}

/** How one provider is asked. One that makes no calls has nothing to guard. */
export async function providerView(
  { name, guard }: Provider,
  { reachable, outcomes, attempts }: Seen,
): Promise<ProviderView> {
  const lastOutcome = lastOutcomeOf(name, attempts)
  if (guard === null) {
    const breaker = { state: 'closed', until: null } as const
    return {
      provider: name,
      reachable,
      lastOutcome,
      lastCallAt: null,
      breaker,
      pausedUntil: null,
      quota: [],
      outcomes,
    }
  }
  const { state, untilMs, pausedUntilMs } = guard.view
  const use = await unlessAway(guard.budget.use())
  return {
    provider: name,
    reachable,
    lastOutcome,
    lastCallAt: time(guard.lastCall?.atMs ?? null),
    breaker: { state, until: time(untilMs) },
    pausedUntil: time(pausedUntilMs),
    quota: use?.map(quotaView) ?? null,
    outcomes,
  }
}

function quotaView({ window, used }: QuotaUse): NonNullable<ProviderView['quota']>[number] {
  const { period, fromMs, toMs, limit } = window
  return {
    period,
    from: isoTime(fromMs),
    to: isoTime(toMs),
    used,
    limit,
    // A limit that was lowered may lie below what is used.
    left: limit === null ? null : Math.max(0, limit - used),
    status: statusOf(limit === null ? 0 : (100 * used) / limit),
  }
}

function statusOf(percent: number): 'ok' | 'warning' | 'critical' | 'spent' {
  const [warning, critical] = WARN_PERCENT
  if (percent >= 100) return 'spent'
  if (percent >= critical) return 'critical'
  return percent >= warning ? 'warning' : 'ok'
}

const time = (atMs: number | null): string | null => (atMs === null ? null : isoTime(atMs))

function lastOutcomeOf(
  provider: ProviderName,
  attempts: readonly (Attempt | null)[],
): Attempt['outcome'] | null {
  const [newest] = attempts
    .filter((attempt) => attempt !== null)
    .filter((attempt) => attempt.provider === provider)
    .toSorted((a, b) => b.atMs - a.atMs)
  return newest?.outcome ?? null
}
