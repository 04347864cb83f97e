import type { FastifyBaseLogger } from 'fastify'
import { BackgroundLoop } from '../background-loop.ts'
import type { Clock } from '../clock.ts'
import type { Corridor } from '../corridors/corridor.ts'
import { type ProviderName, sourceOf } from '../corridors/snapshot.ts'
import type { Provider } from '../providers/provider.ts'
import type { CurrentState, NextPoll } from '../storage/current-state.ts'
import type { Lease } from '../storage/shared/lease.ts'
import type { Tick } from '../storage/ticks/tick.ts'
import type { Asking } from './asking.ts'
import { bestOf, type Ending } from './best-of.ts'
import type { AttemptCounts } from './outcome-counts.ts'
import type { Pace } from './poll-plan.ts'
import type { Schedule } from './schedule.ts'
import type { SharedState } from './shared-state.ts'
import { tickOf } from './tick-of.ts'

export interface CollectorOptions {
  readonly asking: Asking
  readonly schedule: Schedule
  /** The right to collect, of which there is one among all processes. */
  readonly lease: Lease
  readonly shared: SharedState
  readonly state: CurrentState
  readonly clock: Clock
  readonly log: FastifyBaseLogger
  /** Longest time for one round, ms. */
  readonly mostRoundMs: number
  /** Told of everything that one refresh is to be remembered by. Must neither fail nor wait. */
  readonly record: (tick: Tick) => void
}

/**
 * The only caller of a provider. One loop: while another process collects, take over what it tells;
 * else refresh every corridor when the plan says so. Rounds cannot overlap, a failed one changes
 * nothing but the state's last attempt, and stopping ends a call in flight.
 */
export class Collector {
  readonly #options: CollectorOptions
  /** Stopping it ends a call in flight. */
  readonly loop: BackgroundLoop
  /** The next round of this process; null while it does not collect. */
  #next: NextPoll | null = null
  /** Whether another process collected when last something was known. */
  #follows = false
  /** Whether it goes on where another process, or an earlier one, stopped. */
  #tookOver = false
  /** When it last looked, epoch ms. */
  #lastMs = 0

  constructor(options: CollectorOptions) {
    this.#options = options
    const { clock, lease, log } = options
    this.loop = new BackgroundLoop(clock, async (signal) => {
      try {
        return await this.#turn(signal)
      } catch (err) {
        // Nobody foresaw it; it must not end the process, which still serves.
        log.error({ err }, 'collecting broke')
        this.#next = null
        return lease.intervalMs
      }
    })
  }

  /** How often each provider was asked. */
  get counts(): AttemptCounts {
    return this.#options.asking.counts
  }

  /** How often it will ask in the next 24 hours. */
  paceAhead(): Promise<readonly Pace[]> {
    return this.#options.schedule.paceAhead()
  }

  /** Does what is to be done now; milliseconds until the next look. */
  async #turn(signal: AbortSignal): Promise<number> {
    const { clock, state, lease, shared } = this.#options
    const right = await lease.confirm()
    if (signal.aborted) return 0
    // One that follows and loses sight of the store can neither collect nor say that others do not.
    this.#follows = right === 'elsewhere' || (right === 'unknown' && this.#follows)
    if (this.#follows) {
      this.#next = null
      this.#tookOver = false
      await shared.follow()
      return lease.intervalMs
    }
    // What it began without the store may be known better by whoever collected before.
    if (right === 'held' && !this.#tookOver) this.#next = null
    this.#tookOver ||= right === 'held'
    // A clock that was set back makes nonsense of what was planned by it.
    if (clock.now() < this.#lastMs) this.#next = null
    this.#next ??= await this.#begin(signal)
    if (clock.now() >= this.#next.atMs && !signal.aborted) this.#next = await this.#round(signal)
    state.nextPoll = this.#next
    this.#lastMs = clock.now()
    return Math.max(0, Math.min(this.#next.atMs - clock.now(), lease.intervalMs))
  }

  /** Goes on where another process, or an earlier one, stopped. */
  async #begin(signal: AbortSignal): Promise<NextPoll> {
    const { shared, schedule } = this.#options
    await shared.follow()
    shared.forget()
    const next = await schedule.takeOver()
    if (!signal.aborted) await shared.publishPlan(next)
    return next
  }

  /** Refreshes every corridor; when to do it again. */
  async #round(signal: AbortSignal): Promise<NextPoll> {
    const { clock, shared, asking, schedule, mostRoundMs } = this.#options
    const roundMs = clock.now()
    const asked = new Set<ProviderName>()
    const isDue = (provider: Provider): boolean => schedule.isDue(provider, roundMs)
    for await (const refresh of asking.round(roundMs, mostRoundMs, signal, isDue)) {
      // What cannot be asked at all is not looked at again sooner than what was asked.
      for (const { attempt, calls } of refresh.endings)
        if (calls.length > 0 || attempt.outcome === 'badAnswer') asked.add(attempt.provider)
      await this.#keep(refresh, roundMs, signal)
    }
    // A stop waits for no store; nobody asks for the next round.
    if (signal.aborted) return { atMs: roundMs, limitedBy: 'leastInterval' }
    const next = await schedule.after(roundMs, asked)
    await shared.publishPlan(next)
    return next
  }

  /** Remembers, shows and tells what a corridor's refresh gave. */
  async #keep(
    { corridor, endings }: { corridor: Corridor; endings: readonly Ending[] },
    roundMs: number,
    signal: AbortSignal,
  ): Promise<void> {
    const { state, record, clock, shared, schedule } = this.#options
    const best = bestOf(endings)
    if (best === undefined) return
    const snapshot = signal.aborted ? null : best.snapshot
    const source = sourceOf(best.attempt.provider)
    const tick = tickOf(corridor, source, endings, snapshot, clock.now())
    record(tick)
    if (signal.aborted || (snapshot === null && schedule.isServed(corridor.id, roundMs))) return
    state.note(corridor, best.attempt, snapshot)
    await shared.publishTick(tick)
  }
}
