import { measuresNothing, type Snapshot } from '../corridors/snapshot.ts'
import type { ProviderCall } from '../providers/provider.ts'
import type { Attempt } from '../storage/current-state.ts'

/** How one attempt ended, with the snapshot that it gave and the calls that it made. */
export interface Ending {
  readonly attempt: Attempt
  readonly snapshot: Snapshot | null
  readonly calls: readonly ProviderCall[]
}

/** True for an answer that measures something: no other provider need be asked. */
export const isOfUse = ({ snapshot }: Pick<Ending, 'snapshot'>): boolean =>
  snapshot !== null && !measuresNothing(snapshot)

/**
 * Of the providers that were asked in turn, the one whose answer measures something, with the
 * failures before it as warnings; or else the first that answered, or the failure of the preferred
 * one.
 */
export function bestOf(endings: readonly Ending[]): Ending | undefined {
  const last = endings.at(-1)
  if (last?.snapshot && isOfUse(last))
    return { ...last, snapshot: withWarnings(last.snapshot, endings.slice(0, -1)) }
  return endings.find(({ snapshot }) => snapshot !== null) ?? endings[0]
}

/** A snapshot that also tells why the providers before its own were of no use. */
const withWarnings = (snapshot: Snapshot, before: readonly Ending[]): Snapshot => ({
  ...snapshot,
  warnings: [
    ...snapshot.warnings,
    ...before.map(({ attempt: { provider, outcome, detail } }) => ({
      reason: outcome,
      detail: `The provider ${provider} was of no use: ${detail}.`,
    })),
  ],
})
