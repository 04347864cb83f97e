import type { Clock } from '../clock.ts'
import type { Corridor } from '../corridors/corridor.ts'
import type { ProviderName } from '../corridors/snapshot.ts'
import type { Provider } from '../providers/provider.ts'
import type { Guard } from '../providers/upstream/guard.ts'
import type { CurrentState, NextPoll } from '../storage/current-state.ts'
import { unlessAway } from '../storage/shared/shared-store.ts'
import { type PollPlan, planPoll } from './poll-plan.ts'
import { isTrafficChanging } from './traffic-change.ts'

export interface ScheduleOptions {
  readonly corridors: readonly Corridor[]
  readonly providers: readonly Provider[]
  readonly state: CurrentState
  readonly pollSeconds: number
  readonly leastIntervalSeconds: number
  readonly clock: Clock
}

/** Decides when the next round of asking begins, by the poll plan and what is left of the budgets. */
export class Schedule {
  readonly #options: ScheduleOptions

  constructor(options: ScheduleOptions) {
    this.#options = options
  }

  /**
   * After a round of this process.
   * @param asked the providers that were called in it: the plan of each of them is kept. A round
   * that called nobody costs nothing, and the next one soon looks whether that is still so.
   */
  async after(startedAtMs: number, asked: ReadonlySet<ProviderName>): Promise<NextPoll> {
    const { providers, leastIntervalSeconds, clock } = this.#options
    const plans = await this.#plans(
      providers.filter(({ name, guard }) => guard === null || asked.has(name)),
      startedAtMs,
    )
    // However long the round took, a full least interval follows it.
    const least: NextPoll = {
      atMs: clock.now() + leastIntervalSeconds * 1000,
      limitedBy: 'leastInterval',
    }
    const plan = plans.at(-1)
    if (plan === undefined) return least
    const atMs = startedAtMs + plan.intervalSeconds * 1000
    return atMs < least.atMs ? least : { atMs, limitedBy: plan.limitedBy }
  }

  /**
   * When this process begins, or goes on where another stopped: as the plan has it after the last
   * round of any process, or as soon as is allowed where there is nothing to serve.
   */
  async takeOver(): Promise<NextPoll> {
    const { corridors, providers, state, leastIntervalSeconds, clock } = this.#options
    const nowMs = clock.now()
    const rounds = await Promise.all(guardsOf(providers).map(lastRound))
    const lastMs = Math.max(...rounds, 0)
    // A round in the future was begun by a wrong clock.
    const isKnown = lastMs > 0 && lastMs <= nowMs
    const isEmpty = corridors.some(({ id }) => state.of(id).snapshot === null)
    const [plan] = isKnown && !isEmpty ? await this.#plans(providers, lastMs) : []
    if (plan !== undefined)
      return {
        atMs: Math.max(nowMs, lastMs + plan.intervalSeconds * 1000),
        limitedBy: plan.limitedBy,
      }
    const leastMs = isKnown ? lastMs + leastIntervalSeconds * 1000 : nowMs
    return { atMs: Math.max(nowMs, leastMs), limitedBy: 'leastInterval' }
  }

  /** The plan of each provider from a moment on, the shortest wait first. */
  async #plans(providers: readonly Provider[], fromMs: number): Promise<PollPlan[]> {
    const plans = await Promise.all(providers.map((provider) => this.#plan(provider, fromMs)))
    return plans.toSorted((a, b) => a.intervalSeconds - b.intervalSeconds)
  }

  async #plan({ guard, callsFor }: Provider, fromMs: number): Promise<PollPlan> {
    const { corridors, state, pollSeconds, leastIntervalSeconds } = this.#options
    // While nobody can count, nothing is spent either.
    const windows = guard === null ? [] : ((await unlessAway(guard.budget.use())) ?? [])
    return planPoll({
      nowMs: fromMs,
      corridors,
      pollSeconds,
      leastIntervalSeconds,
      callsPerPoll: corridors.reduce((sum, corridor) => sum + callsFor(corridor), 0),
      windows,
      isChanging: corridors.some(({ id }) => isTrafficChanging(state.of(id).recent)),
    })
  }
}

const guardsOf = (providers: readonly Provider[]): Guard[] =>
  providers.map(({ guard }) => guard).filter((guard) => guard !== null)

/** When the last round of any process began, epoch ms; 0 where nobody knows of one. */
const lastRound = async ({ budget }: Guard): Promise<number> =>
  (await unlessAway(budget.lastRound())) ?? 0
