import type { Corridor, Section } from '../../corridors/corridor.ts'
import type { Problem } from '../../problems/problem.ts'
import { GROUPINGS, type Grouping } from '../../storage/totals/read-totals.ts'
import { wrongQuery } from './wrong-query.ts'

/** What one row of the history is about. */
export interface Group {
  /** Null where all directions, or all sections, are summed. */
  readonly direction: string | null
  readonly section: string | null
  readonly lengthKm: number
}

/** What a client asked to tell apart, and what to look at alone. */
interface Asked {
  readonly by?: Grouping | undefined
  readonly direction?: string | undefined
  readonly section?: string | undefined
}

/**
 * The groups of a corridor: without `by` the whole of it, and never more than what is named: the
 * sum of one section is that section's.
 * @throws Problem `invalid_input` for a direction or a section that the corridor does not have
 */
export function groupsOf(
  corridor: Corridor,
  { by, direction, section }: Asked,
): { readonly by: Grouping; readonly groups: readonly Group[] } {
  const parts = corridor.directions.flatMap((one) =>
    one.sections.map((part) => ({ direction: one.direction, section: part })),
  )
  const inDirection = parts.filter((part) => (direction ?? part.direction) === part.direction)
  if (inDirection.length === 0) throw unknown('direction')
  const chosen = inDirection.filter(({ section: { id } }) => (section ?? id) === id)
  if (chosen.length === 0) throw unknown('section')
  const grouping = narrower(by ?? 'corridor', narrowest(direction, section))
  const groups = Map.groupBy(chosen, (part) => keyOf(part, grouping))
  return {
    by: grouping,
    groups: [...groups.values()].map((members) => groupOf(members, grouping)),
  }
}

const narrower = (one: Grouping, other: Grouping): Grouping =>
  GROUPINGS.indexOf(one) > GROUPINGS.indexOf(other) ? one : other

function narrowest(direction: string | undefined, section: string | undefined): Grouping {
  if (section !== undefined) return 'section'
  return direction === undefined ? 'corridor' : 'direction'
}

interface Part {
  readonly direction: string
  readonly section: Section
}

const keyOf = ({ direction, section }: Part, by: Grouping): string =>
  ({ corridor: '', direction, section: section.id })[by]

function groupOf(members: readonly Part[], by: Grouping): Group {
  const lengthM = members.reduce((sum, { section }) => sum + section.lengthM, 0)
  const [first] = members
  return {
    direction: (by !== 'corridor' && first?.direction) || null,
    section: (by === 'section' && first?.section.id) || null,
    lengthKm: lengthM / 1000,
  }
}

const unknown = (name: 'direction' | 'section'): Problem =>
  wrongQuery(name, `is no ${name} of this corridor`)
