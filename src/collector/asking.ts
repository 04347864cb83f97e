import type { FastifyBaseLogger } from 'fastify'
import type { Clock } from '../clock.ts'
import { type BinIndex, indexBins } from '../corridors/bins.ts'
import type { Corridor } from '../corridors/corridor.ts'
import type { Provider } from '../providers/provider.ts'
import type { CurrentState } from '../storage/current-state.ts'
import { attempt } from './attempt.ts'
import { type Ending, isOfUse } from './best-of.ts'
import { FailureLog } from './failure-log.ts'
import { AttemptCounts } from './outcome-counts.ts'

export interface AskingOptions {
  readonly corridors: readonly Corridor[]
  /** In order of preference, never empty. */
  readonly providers: readonly Provider[]
  readonly state: CurrentState
  readonly clock: Clock
  readonly log: FastifyBaseLogger
}

/** Asks the providers for a corridor in turn until one of them measures something. */
export class Asking {
  readonly #options: AskingOptions
  readonly #indexes: ReadonlyMap<Corridor, BinIndex>
  readonly #failures: FailureLog
  readonly counts = new AttemptCounts()

  constructor(options: AskingOptions) {
    this.#options = options
    this.#indexes = new Map(options.corridors.map((corridor) => [corridor, indexBins(corridor)]))
    this.#failures = new FailureLog(options.log)
  }

  /**
   * One round: every corridor, one after the other. The time that is left is shared out among what
   * is still to be asked, so that a provider that hangs leaves time for the next.
   * @param roundMs when the round begins, epoch ms
   * @param mostMs how long it may take, ms
   * @param stop ends it: the service stops
   * @param isDue whether a provider may be asked in it
   */
  async *round(
    roundMs: number,
    mostMs: number,
    stop: AbortSignal,
    isDue: (provider: Provider) => boolean,
  ): AsyncGenerator<{ corridor: Corridor; endings: readonly Ending[] }> {
    const { clock } = this.#options
    const providers = this.#options.providers.filter(isDue)
    const endMs = roundMs + mostMs
    let corridorsLeft = this.#indexes.size
    for (const [corridor, index] of this.#indexes) {
      if (stop.aborted) return
      corridorsLeft -= 1
      const endings: Ending[] = []
      for (const [place, provider] of providers.entries()) {
        const left = corridorsLeft * providers.length + providers.length - place
        const ending = await this.#ask(corridor, index, provider, {
          roundMs,
          stop,
          mostMs: Math.max(0, Math.floor((endMs - clock.now()) / left)),
        })
        if (ending !== null) endings.push(ending)
        if (stop.aborted || (ending !== null && isOfUse(ending))) break
      }
      yield { corridor, endings }
    }
  }

  /** One provider asked; its ending counted and told. */
  async #ask(
    corridor: Corridor,
    index: BinIndex,
    provider: Provider,
    when: { readonly roundMs: number; readonly mostMs: number; readonly stop: AbortSignal },
  ): Promise<Ending | null> {
    const { clock, log, state } = this.#options
    const previous = state.of(corridor.id).snapshot
    const ending = await attempt({ corridor, index, provider, previous, ...when }, clock, log)
    if (ending === null) return null
    this.counts.add(ending.attempt)
    if (ending.attempt.outcome === 'ok') {
      this.#failures.forget(corridor.id, provider.name)
      log.info(
        { corridor: corridor.id, ...ending.attempt, refused: ending.snapshot?.refused },
        'refreshed',
      )
    } else if (!when.stop.aborted) this.#failures.tell(corridor.id, ending.attempt)
    return ending
  }
}
