import type { BackgroundLoop } from '../../background-loop.ts'
import type { Clock } from '../../clock.ts'
import type { ProviderName } from '../../corridors/snapshot.ts'
import type { Provider } from '../provider.ts'
import type { Guard } from './guard.ts'
import { QuotaWatch } from './quota-watch.ts'
import { Reachability, type Reached } from './reachability.ts'

/** What the background sees of the providers that are asked over the network. */
export interface UpstreamWatch {
  readonly guarded: readonly { readonly name: ProviderName; readonly guard: Guard }[]
  readonly reached: Reached
  readonly quota: QuotaWatch
  readonly loops: readonly BackgroundLoop[]
}

/** Watches whether each provider can be reached, and what of its budget is used. */
export function watchUpstream(providers: readonly Provider[], clock: Clock): UpstreamWatch {
  const guarded = providers.flatMap(({ name, guard }) => (guard === null ? [] : [{ name, guard }]))
  const reachabilities = new Map(
    guarded.map(({ name, guard }) => [name, new Reachability(guard, clock)]),
  )
  const quota = new QuotaWatch(guarded, clock)
  const watching = guarded.length > 0 ? [...reachabilities.values(), quota] : []
  return {
    guarded,
    reached: (provider) => reachabilities.get(provider)?.reached,
    quota,
    loops: watching.map(({ loop }) => loop),
  }
}
