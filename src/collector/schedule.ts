import type { Clock } from '../clock.ts'
import type { Corridor } from '../corridors/corridor.ts'
import type { ProviderName } from '../corridors/snapshot.ts'
import type { Provider } from '../providers/provider.ts'
import type { CurrentState, NextPoll } from '../storage/current-state.ts'
import { unlessAway } from '../storage/shared/shared-store.ts'
import { type Pace, type PollSituation, paceAhead, planPoll } from './poll-plan.ts'
import { isTrafficChanging } from './traffic-change.ts'

export interface ScheduleOptions {
  readonly corridors: readonly Corridor[]
  /** In order of preference, never empty. */
  readonly providers: readonly Provider[]
  readonly state: CurrentState
  readonly pollSeconds: number
  readonly leastIntervalSeconds: number
  readonly clock: Clock
}

/**
 * Decides when the next round of asking begins, and which providers are due in it: each by the poll
 * plan for what is left of its own budget. A provider is waited for only where none before it is
 * well.
 */
export class Schedule {
  readonly #options: ScheduleOptions
  /** When each provider is due; one that is not here is due at any time. */
  readonly #due = new Map<ProviderName, NextPoll>()
  /** Those whose budget pays for no refresh before the window ends. */
  readonly #spent = new Set<ProviderName>()

  constructor(options: ScheduleOptions) {
    this.#options = options
  }

  /**
   * True where the provider that answered for a corridor last is not due in a round: what it said
   * stands, whatever comes of asking others.
   */
  isServed(corridorId: string, roundMs: number): boolean {
    const { state, providers } = this.#options
    const { attempt } = state.of(corridorId)
    return providers.some(
      (provider) =>
        provider.name === attempt?.provider &&
        attempt.outcome === 'ok' &&
        !this.#spent.has(provider.name) &&
        !this.isDue(provider, roundMs),
    )
  }

  /** True where the plan for a provider allows to ask it in a round that begins now. */
  isDue({ name }: Provider, roundMs: number): boolean {
    return (this.#due.get(name)?.atMs ?? 0) <= roundMs
  }

  /**
   * After a round of this process.
   * @param asked the providers that were called in it. One that was not cost nothing, so that the
   * next round soon looks whether it can be asked; unless its budget is spent.
   */
  async after(startedAtMs: number, asked: ReadonlySet<ProviderName>): Promise<NextPoll> {
    const { providers, leastIntervalSeconds, clock } = this.#options
    for (const provider of providers) {
      const { name, guard } = provider
      const plan = await this.#plan(provider, startedAtMs)
      if (guard === null || asked.has(name) || this.#spent.has(name)) this.#due.set(name, plan)
    }
    // However long the round took, a full least interval follows it.
    return this.#next({
      atMs: clock.now() + leastIntervalSeconds * 1000,
      limitedBy: 'leastInterval',
    })
  }

  /**
   * When this process begins, or goes on where another stopped: as the plan has it after the last
   * round of any process, or as soon as is allowed where there is nothing to serve.
   */
  async takeOver(): Promise<NextPoll> {
    const { corridors, providers, state, leastIntervalSeconds, clock } = this.#options
    const isEmpty = corridors.some(({ id }) => state.of(id).snapshot === null)
    const nowMs = clock.now()
    this.#spent.clear()
    for (const provider of providers) {
      if (this.#keepsOwn(provider, nowMs)) continue
      this.#due.delete(provider.name)
      const lastMs = (await unlessAway(lastRound(provider))) ?? 0
      // A round in the future was begun by a wrong clock.
      if (lastMs === 0 || lastMs > nowMs) continue
      const leastMs = lastMs + leastIntervalSeconds * 1000
      this.#due.set(
        provider.name,
        isEmpty
          ? { atMs: leastMs, limitedBy: 'leastInterval' }
          : await this.#plan(provider, lastMs),
      )
    }
    return this.#next({ atMs: nowMs, limitedBy: 'leastInterval' })
  }

  /** The pace of the next 24 hours, were the preferred provider asked alone. */
  async paceAhead(): Promise<readonly Pace[]> {
    const { providers, clock } = this.#options
    const preferred = providers
      .slice(0, 1)
      .map(async (provider) => paceAhead(await this.#situation(provider, clock.now())))
    return (await Promise.all(preferred)).flat()
  }

  /** The first moment at which it is worth asking one of the providers, not before the least. */
  #next(least: NextPoll): NextPoll {
    const { providers } = this.#options
    const well = providers.findIndex(({ name }) => this.#isWell(name))
    const worth = (well < 0 ? providers : providers.slice(0, well + 1)).map((provider) =>
      this.#worthAsking(provider, least),
    )
    const first = worth.reduce((soonest, due) => (due.atMs < soonest.atMs ? due : soonest))
    return first.atMs < least.atMs ? least : first
  }

  /** When a provider is due, and neither its breaker nor it itself keeps it from being asked. */
  #worthAsking({ name, guard }: Provider, least: NextPoll): NextPoll {
    const due = this.#due.get(name) ?? least
    const untilMs = Math.max(guard?.view.untilMs ?? 0, guard?.view.pausedUntilMs ?? 0)
    return untilMs > due.atMs ? { ...due, atMs: untilMs } : due
  }

  /** Of a provider that nobody counts only this process knows when it is due, if its clock is right. */
  #keepsOwn({ name, guard }: Provider, nowMs: number): boolean {
    const dueMs = this.#due.get(name)?.atMs ?? nowMs
    return guard === null && dueMs - nowMs <= this.#options.pollSeconds * 1000
  }

  /** True where a provider was the last to answer for some corridor, and can be asked again. */
  #isWell(provider: ProviderName): boolean {
    const { corridors, state } = this.#options
    if (this.#spent.has(provider)) return false
    return corridors.some(({ id }) => {
      const { attempt } = state.of(id)
      return attempt?.provider === provider && attempt.outcome === 'ok'
    })
  }

  /** When the plan has a provider asked after a round. */
  async #plan(provider: Provider, roundMs: number): Promise<NextPoll> {
    const situation = await this.#situation(provider, roundMs)
    const { intervalSeconds, limitedBy } = planPoll(situation)
    const isSpent = situation.windows.some(
      ({ window: { limit }, used }) => limit !== null && limit - used < situation.callsPerPoll,
    )
    if (isSpent) this.#spent.add(provider.name)
    else this.#spent.delete(provider.name)
    return { atMs: roundMs + intervalSeconds * 1000, limitedBy }
  }

  async #situation({ guard, callsFor }: Provider, fromMs: number): Promise<PollSituation> {
    const { corridors, state, pollSeconds, leastIntervalSeconds } = this.#options
    // While nobody can count, nothing is spent either.
    const windows = guard === null ? [] : ((await unlessAway(guard.budget.use())) ?? [])
    return {
      nowMs: fromMs,
      corridors,
      pollSeconds,
      leastIntervalSeconds,
      callsPerPoll: corridors.reduce((sum, corridor) => sum + callsFor(corridor), 0),
      windows,
      isChanging: corridors.some(({ id }) => isTrafficChanging(state.of(id).recent)),
    }
  }
}

/** When the last round of any process began, epoch ms; null where there was none. */
const lastRound = async ({ guard }: Provider): Promise<number | null> =>
  guard === null ? null : guard.budget.lastRound()
