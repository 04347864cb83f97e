import type { Section } from '../corridors/corridor.ts'
import type { Observed } from '../corridors/observed.ts'
import { flooredSpeedKmh, travelSeconds } from '../impact/speed.ts'

/**
 * Traffic changes where the travel time differs by this share from one observation to the next.
 * Assumption: above what a steady flow varies by, below what a growing queue adds in minutes.
 */
const CHANGE_SHARE = 0.1

type Sections = Observed['snapshot']['sections']

/**
 * True when the travel time in a direction differs by 10 % or more between the last two
 * observations, over the sections that are ok in both. Each direction counts by itself, so that a
 * queue in one is not hidden by the other. Two providers differ without any change.
 * @param recent a corridor's observations in order of time
 */
export function isTrafficChanging(recent: readonly Observed[]): boolean {
  const [before, last] = recent.slice(-2)
  if (before === undefined || last === undefined) return false
  if (before.snapshot.provider !== last.snapshot.provider) return false
  return last.corridor.directions.some(({ sections }) =>
    differ(sections, before.snapshot.sections, last.snapshot.sections),
  )
}

function differ(sections: readonly Section[], before: Sections, last: Sections): boolean {
  const [speedsBefore, speedsLast] = [speedsOf(before), speedsOf(last)]
  let [secondsBefore, secondsLast] = [0, 0]
  for (const { id, lengthM } of sections) {
    const [speedBefore, speedLast] = [speedsBefore.get(id), speedsLast.get(id)]
    if (speedBefore === undefined || speedLast === undefined) continue
    secondsBefore += travelSeconds(lengthM / 1000, speedBefore)
    secondsLast += travelSeconds(lengthM / 1000, speedLast)
  }
  const change = Math.abs(secondsLast - secondsBefore)
  return secondsBefore > 0 && change >= CHANGE_SHARE * secondsBefore
}

/** The speeds that the model computes with, km/h, of the sections that are ok. */
const speedsOf = (sections: Sections): ReadonlyMap<string, number> =>
  new Map(
    sections
      .filter((section) => section.status === 'ok')
      .map(({ id, speedKmh }) => [id, flooredSpeedKmh(speedKmh)]),
  )
