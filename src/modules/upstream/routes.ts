import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { AttemptCounts } from '../../collector/outcome-counts.ts'
import type { ProviderName } from '../../corridors/snapshot.ts'
import { acceptable } from '../../problems/acceptable.ts'
import type { Provider } from '../../providers/provider.ts'
import type { CurrentState } from '../../storage/current-state.ts'
import type { Lease } from '../../storage/shared/lease.ts'
import type { SharedStore } from '../../storage/shared/shared-store.ts'
import { isoTime } from '../../views/json.ts'
import type { UpstreamView } from './schemas.ts'
import { providerView } from './upstream-view.ts'

export interface UpstreamOptions {
  readonly providers: readonly Provider[]
  readonly state: CurrentState
  readonly store: SharedStore
  readonly lease: Lease
  readonly counts: AttemptCounts
  /** Whether a provider could be reached last; null while nobody knows. */
  readonly reached: (provider: ProviderName) => boolean | null
}

const RIGHTS = { held: true, elsewhere: false, unknown: null } as const

/** The budgets, their use and the poll plan, for admins only. Asks the shared store, no provider. */
export const upstreamRoutes: FastifyPluginAsyncZod<UpstreamOptions> = async (app, options) => {
  const { providers, state, store, lease, counts, reached } = options
  app.get(
    '/v1/upstream',
    {
      config: { access: 'admin' },
      schema: { querystring: z.strictObject({}) },
      onRequest: acceptable('application/json'),
    },
    async (_request, reply): Promise<UpstreamView> => {
      reply.header('cache-control', 'no-store')
      const { nextPoll } = state
      return {
        collects: RIGHTS[lease.right],
        store: store.kind,
        plan: nextPoll && {
          nextPollAt: isoTime(nextPoll.atMs),
          limitedBy: nextPoll.limitedBy,
        },
        providers: await Promise.all(
          providers.map((provider) =>
            providerView(provider, reached(provider.name), counts.of(provider.name)),
          ),
        ),
      }
    },
  )
}
