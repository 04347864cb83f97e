import {
  CircuitState,
  ConsecutiveBreaker,
  circuitBreaker,
  handleWhen,
  IterableBackoff,
} from 'cockatiel'
import type { FastifyBaseLogger } from 'fastify'
import { z } from 'zod'
import { FAILURE_OUTCOMES, type FailureOutcome } from '../../corridors/outcome.ts'
import { ProviderFailure } from '../failure.ts'

/** So many failed calls in a row open the breaker: a call with its retries, and one more. */
const MOST_FAILURES = 5
/**
 * How long it then stays open before one trial call, ms: each failed trial makes it longer. The
 * longest leaves an observation, which holds ten minutes, no larger gap than one more poll.
 */
const LONGEST_OPEN_MS = 540_000
const OPEN_MS = [60_000, 120_000, 240_000, LONGEST_OPEN_MS]

/** Failures that say that the provider is not well. Others say that it answers. */
const UNWELL: readonly FailureOutcome[] = ['timeout', 'unreachable', 'serverError', 'throttled']

/** True for a failure that is the provider's bad health, not its judgement of what we ask. */
export const isUnwell = (error: unknown): error is ProviderFailure =>
  error instanceof ProviderFailure && UNWELL.includes(error.outcome)

/** As cockatiel writes it. */
const circuitSchema = z.object({
  ownState: z.union([
    z.object({ value: z.literal(CircuitState.Closed) }),
    z.object({ value: z.literal(CircuitState.Open), openedAt: z.number(), attemptNo: z.int() }),
  ]),
  breakerState: z.int(),
})

/** What another process needs to go on with the breaker. */
export const savedBreaker = z.object({
  circuit: circuitSchema,
  /** Why the last failed call failed. */
  outcome: z.enum(FAILURE_OUTCOMES),
})
export type SavedBreaker = z.infer<typeof savedBreaker>

/** How the breaker is; the time is null unless it is open. */
export interface BreakerView {
  readonly state: 'closed' | 'open' | 'halfOpen'
  readonly untilMs: number | null
}

const create = (initialState?: unknown) =>
  circuitBreaker(handleWhen(isUnwell), {
    breaker: new ConsecutiveBreaker(MOST_FAILURES),
    halfOpenAfter: new IterableBackoff(OPEN_MS),
    initialState,
  })

type Judged<T> =
  | { readonly error: null; readonly value: T }
  | { readonly error: ProviderFailure; readonly value?: never }

/** A call whose failure is the provider's judgement is one that it answered, so it is well. */
async function judged<T>(call: () => Promise<T>): Promise<Judged<T>> {
  try {
    return { error: null, value: await call() }
  } catch (error) {
    if (!(error instanceof ProviderFailure) || isUnwell(error)) throw error
    return { error }
  }
}

/**
 * Keeps a provider that is not well from being asked: after five failed calls in a row none is
 * made for a while, then one on trial. Open and half-open are known to the caller beforehand, so
 * that no budget is taken for a call that will not be made.
 */
export class Breaker {
  readonly #log: FastifyBaseLogger
  #circuit = create()
  #outcome: FailureOutcome = 'unreachable'

  constructor(log: FastifyBaseLogger) {
    this.#log = log
  }

  /** Makes a call. @throws what the call throws */
  async run<T>(call: () => Promise<T>): Promise<T> {
    this.#forgetFuture(Date.now())
    const wasClosed = this.#circuit.state === CircuitState.Closed
    const { error, value } = await this.#run(call).finally(() => this.#tell(wasClosed))
    if (error !== null) throw error
    return value
  }

  async #run<T>(call: () => Promise<T>): Promise<Judged<T>> {
    const before = this.saved()
    try {
      return await this.#circuit.execute(() => judged(call))
    } catch (error) {
      if (isUnwell(error)) this.#outcome = error.outcome
      // A call that was broken off says nothing of the provider.
      else this.restore(before)
      throw error
    }
  }

  /** How the breaker is now. */
  at(nowMs: number): BreakerView {
    this.#forgetFuture(nowMs)
    const { ownState } = this.saved().circuit
    if (ownState.value === CircuitState.Closed) return { state: 'closed', untilMs: null }
    const untilMs = ownState.openedAt + (OPEN_MS[ownState.attemptNo - 1] ?? LONGEST_OPEN_MS)
    return untilMs > nowMs ? { state: 'open', untilMs } : { state: 'halfOpen', untilMs: null }
  }

  /** Why the last failed call failed. */
  get outcome(): FailureOutcome {
    return this.#outcome
  }

  saved(): SavedBreaker {
    return { circuit: circuitSchema.parse(this.#circuit.toJSON()), outcome: this.#outcome }
  }

  /** Goes on where another process was. */
  restore({ circuit, outcome }: SavedBreaker): void {
    this.#circuit = create(circuit)
    this.#outcome = outcome
  }

  /** A breaker that was opened in the future, by a wrong clock, is due for a trial now. */
  #forgetFuture(nowMs: number): void {
    const { circuit, outcome } = this.saved()
    const { ownState } = circuit
    if (ownState.value === CircuitState.Open && ownState.openedAt > nowMs)
      this.restore({ circuit: { ...circuit, ownState: { ...ownState, openedAt: 0 } }, outcome })
  }

  /** One line when an outage is noticed and one when it is over, none for the trials between. */
  #tell(wasClosed: boolean): void {
    const isClosed = this.#circuit.state === CircuitState.Closed
    if (wasClosed && !isClosed) this.#log.warn({ outcome: this.#outcome }, 'the breaker opened')
    if (!wasClosed && isClosed) this.#log.info('the breaker closed')
  }
}
