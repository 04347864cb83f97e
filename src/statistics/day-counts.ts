import type { CountName } from './figures.ts'

export const DAY_MS = 86_400_000

/** Start of the calendar day in UTC, epoch ms. */
export const dayOf = (atMs: number): number => Math.floor(atMs / DAY_MS) * DAY_MS

/** How often something was counted on one day in UTC. */
export interface DayCount {
  /** Start of the day, epoch ms. */
  readonly dayMs: number
  readonly name: CountName
  readonly count: number
}

/** What was counted and not taken yet. Each count belongs to its own day, however late it is taken. */
export class DayCounts {
  #days = new Map<number, Map<CountName, number>>()

  add(atMs: number, name: CountName): void {
    const dayMs = dayOf(atMs)
    const counts = this.#days.get(dayMs) ?? new Map<CountName, number>()
    this.#days.set(dayMs, counts.set(name, (counts.get(name) ?? 0) + 1))
  }

  /** All of it, in order of day and name; it counts on from nothing. */
  take(): DayCount[] {
    const taken = [...this.#days].flatMap(([dayMs, counts]) =>
      [...counts].map(([name, count]) => ({ dayMs, name, count })),
    )
    this.#days = new Map()
    return taken.toSorted((a, b) => a.dayMs - b.dayMs || (a.name < b.name ? -1 : 1))
  }
}
