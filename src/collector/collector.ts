import type { FastifyBaseLogger } from 'fastify'
import { BackgroundLoop } from '../background-loop.ts'
import type { Clock } from '../clock.ts'
import { type BinIndex, indexBins } from '../corridors/bins.ts'
import type { Corridor } from '../corridors/corridor.ts'
import { measuresNothing, type Snapshot, sourceOf } from '../corridors/snapshot.ts'
import { ProviderFailure } from '../providers/failure.ts'
import type { Provider, ProviderCall, RefreshContext } from '../providers/provider.ts'
import type { Attempt, CurrentState } from '../storage/current-state.ts'
import type { Tick } from '../storage/ticks/tick.ts'
import { judge, type Rejection } from './judge.ts'
import { tickOf } from './tick-of.ts'

export interface CollectorOptions {
  readonly corridors: readonly Corridor[]
  /** In order of preference, never empty. */
  readonly providers: readonly Provider[]
  readonly state: CurrentState
  readonly clock: Clock
  readonly log: FastifyBaseLogger
  readonly pollSeconds: number
  readonly minIntervalSeconds: number
  /** Told of everything that one refresh is to be remembered by. Must neither fail nor wait. */
  readonly record: (tick: Tick) => void
}

/** How one attempt ended, with the snapshot that it gave and the calls that it made. */
interface Ending {
  readonly attempt: Attempt
  readonly snapshot: Snapshot | null
  readonly calls: readonly ProviderCall[]
}

/**
 * The only caller of a provider. One loop: refresh every corridor, sleep until the next poll.
 * Ticks cannot overlap, a failed one changes nothing but the state's last attempt, and stopping
 * ends a call in flight.
 */
export class Collector {
  readonly #options: CollectorOptions
  readonly #indexes: ReadonlyMap<Corridor, BinIndex>
  /** Stopping it ends a call in flight. */
  readonly loop: BackgroundLoop

  constructor(options: CollectorOptions) {
    this.#options = options
    this.#indexes = new Map(options.corridors.map((corridor) => [corridor, indexBins(corridor)]))
    this.loop = new BackgroundLoop(options.clock, (signal) => this.#round(signal))
  }

  /** One tick; milliseconds until the next. */
  async #round(signal: AbortSignal): Promise<number> {
    const { clock, state, pollSeconds, minIntervalSeconds } = this.#options
    const startedAtMs = clock.now()
    await this.#tick(startedAtMs, signal)
    // However long the tick took, a full least interval follows it.
    const nextAtMs = Math.max(
      startedAtMs + pollSeconds * 1000,
      clock.now() + minIntervalSeconds * 1000,
    )
    state.nextPollAtMs = nextAtMs
    return nextAtMs - clock.now()
  }

  async #tick(atMs: number, signal: AbortSignal): Promise<void> {
    const { state, record, clock } = this.#options
    for (const [corridor, index] of this.#indexes) {
      const endings: Ending[] = []
      for (const provider of this.#options.providers) {
        const ending = await this.#attempt(corridor, index, provider, atMs, signal)
        endings.push(ending)
        if (signal.aborted || isOfUse(ending)) break
      }
      const best = bestOf(endings)
      if (best === undefined) return
      const snapshot = signal.aborted ? null : best.snapshot
      const source = sourceOf(best.attempt.provider)
      record(tickOf(corridor, source, endings, snapshot, clock.now()))
      if (signal.aborted) return
      state.note(corridor, best.attempt, snapshot)
    }
  }

  /** One provider asked, its answer judged and logged. */
  async #attempt(
    corridor: Corridor,
    index: BinIndex,
    provider: Provider,
    refreshAtMs: number,
    signal: AbortSignal,
  ): Promise<Ending> {
    const { clock, log } = this.#options
    const now = (): number => clock.now()
    const atMs = now()
    const calls: ProviderCall[] = []
    const noteCall = (call: ProviderCall): void => void calls.push(call)
    const context = { atMs: refreshAtMs, signal, now, noteCall }
    const { snapshot, ...how } = await this.#refresh(corridor, index, provider, context)
    const attempt = { atMs, provider: provider.name, durationMs: now() - atMs, ...how }
    const line = { corridor: corridor.id, ...attempt, refused: snapshot?.refused }
    if (snapshot !== null) log.info(line, 'refreshed')
    else if (!signal.aborted) log.warn(line, 'refresh failed')
    return { attempt, snapshot, calls }
  }

  async #refresh(
    corridor: Corridor,
    index: BinIndex,
    provider: Provider,
    context: RefreshContext,
  ): Promise<Pick<Attempt, 'outcome' | 'detail'> & Pick<Ending, 'snapshot'>> {
    const { clock, state, log } = this.#options
    try {
      const answer = await provider.refresh(corridor, context)
      const verdict = judge(corridor.id, index, answer, {
        provider: provider.name,
        fetchedAtMs: clock.now(),
        previous: state.of(corridor.id).snapshot,
      })
      if (isSnapshot(verdict)) return { outcome: 'ok', detail: '', snapshot: verdict }
      return { outcome: verdict.reason, detail: verdict.detail, snapshot: null }
    } catch (error) {
      if (error instanceof ProviderFailure)
        return { outcome: error.outcome, detail: error.message, snapshot: null }
      if (context.signal.aborted)
        return { outcome: 'stopped', detail: 'the service is stopping', snapshot: null }
      log.error({ err: error }, 'refresh broke')
      return { outcome: 'internalError', detail: 'an unexpected error', snapshot: null }
    }
  }
}

const isOfUse = ({ snapshot }: Ending): boolean => snapshot !== null && !measuresNothing(snapshot)

/**
 * The answer that measures something, with the failures before it as warnings; or else the first
 * answer, or the failure of the preferred provider.
 */
function bestOf(endings: readonly Ending[]): Ending | undefined {
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
      reason: outcome === 'ok' ? 'noCoverage' : outcome,
      detail: `The provider ${provider} was of no use: ${detail || 'it measured no section'}.`,
    })),
  ],
})

const isSnapshot = (verdict: Snapshot | Rejection): verdict is Snapshot => 'sections' in verdict
