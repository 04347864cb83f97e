import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import type { Collector } from '../../collector/collector.ts'
import type { Pace } from '../../collector/poll-plan.ts'
import type { Corridor } from '../../corridors/corridor.ts'
import { acceptable } from '../../problems/acceptable.ts'
import type { Provider } from '../../providers/provider.ts'
import type { Reached } from '../../providers/upstream/reachability.ts'
import type { CurrentState } from '../../storage/current-state.ts'
import type { Lease } from '../../storage/shared/lease.ts'
import type { SharedStore } from '../../storage/shared/shared-store.ts'
import { isoTime } from '../../views/json.ts'
import { getUpstream } from './operations.ts'
import type { UpstreamView } from './schemas.ts'
import { providerView } from './upstream-view.ts'

export interface UpstreamOptions {
  readonly providers: readonly Provider[]
  readonly state: CurrentState
  readonly store: SharedStore
  readonly lease: Lease
  readonly collector: Collector
  readonly reached: Reached
  readonly corridors: readonly Corridor[]
}

const RIGHTS = { held: true, elsewhere: false, unknown: null } as const

/** The budgets, their use and the poll plan, for admins only. Asks the shared store, no provider. */
export const upstreamRoutes: FastifyPluginAsyncZod<UpstreamOptions> = async (app, options) => {
  const { providers, state, store, lease, collector, reached, corridors } = options
  app.get(
    '/v1/upstream',
    {
      config: { access: 'admin' },
      schema: getUpstream,
      onRequest: acceptable('application/json'),
    },
    async (_request, reply): Promise<UpstreamView> => {
      reply.header('cache-control', 'no-store')
      const { nextPoll } = state
      // All at once: a store that hangs is waited for only once.
      const [hours, views] = await Promise.all([
        collector.paceAhead(),
        Promise.all(
          providers.map((provider) =>
            providerView(provider, {
              reachable: reached(provider.name) ?? null,
              outcomes: collector.counts.of(provider.name),
              attempts: [
                collector.counts.last(provider.name),
                ...corridors.map(({ id }) => state.of(id).attempt),
              ],
            }),
          ),
        ),
      ])
      return {
        collects: RIGHTS[lease.right],
        store: store.kind,
        plan: nextPoll && {
          nextPollAt: isoTime(nextPoll.atMs),
          limitedBy: nextPoll.limitedBy,
          hours: hoursView(hours),
        },
        providers: views,
      }
    },
  )
}

const hoursView = (hours: readonly Pace[]) =>
  hours.map(({ atMs, intervalSeconds }) => ({ at: isoTime(atMs), intervalSeconds }))
