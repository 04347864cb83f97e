import type { OutcomeCounts } from '../../collector/outcome-counts.ts'
import type { Provider } from '../../providers/provider.ts'
import type { QuotaUse } from '../../providers/upstream/budget.ts'
import { unlessAway } from '../../storage/shared/shared-store.ts'
import { isoTime } from '../../views/json.ts'
import type { UpstreamView } from './schemas.ts'

type ProviderView = UpstreamView['providers'][number]

/** Shares of a limit from which on it is a warning, and critical. */
const WARNING_SHARE = 0.8
const CRITICAL_SHARE = 0.9

/** How one provider is asked. One that makes no calls has nothing to guard. */
export async function providerView(
  { name, guard }: Provider,
  reachable: boolean | null,
  outcomes: OutcomeCounts,
): Promise<ProviderView> {
  if (guard === null) {
    const breaker = { state: 'closed', until: null } as const
    return {
      provider: name,
      reachable,
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
    status: statusOf(limit === null ? 0 : used / limit),
  }
}

function statusOf(share: number): 'ok' | 'warning' | 'critical' | 'spent' {
  if (share >= 1) return 'spent'
  if (share >= CRITICAL_SHARE) return 'critical'
  return share >= WARNING_SHARE ? 'warning' : 'ok'
}

const time = (atMs: number | null): string | null => (atMs === null ? null : isoTime(atMs))
