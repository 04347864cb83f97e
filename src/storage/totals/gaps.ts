import type { Span } from '../../corridors/buckets.ts'
import { type Corridor, sectionsOf } from '../../corridors/corridor.ts'
import type { SectionSamples } from '../../corridors/observed.ts'
import type { Source } from '../../corridors/snapshot.ts'
import { holds } from '../../impact/integral.ts'
import type { Queries } from '../database/database.ts'
import type { Tables } from '../database/tables.ts'

/**
 * Notes the spans of which nothing is known of a section; a gap that reaches into the span is
 * continued or cut, so that one outage is one gap however often it is noted.
 * @param observed the samples of those that were observed in the span or shortly before
 */
export async function writeGaps(
  db: Queries,
  corridor: Corridor,
  source: Source,
  observed: readonly SectionSamples[],
  span: Span,
): Promise<void> {
  const sections = sectionsOf(corridor).map(({ id }) => id)
  const earlier = await db
    .deleteFrom('gaps')
    .where('corridor', '=', corridor.id)
    .where('source', '=', source)
    // A section of an earlier definition keeps its gaps as they are.
    .where('section', 'in', sections)
    .where('to_ms', '>=', span.fromMs)
    .returning(['section', 'from_ms'])
    .execute()
  const samples = new Map(observed.map((one) => [one.section, one.samples]))
  const rows = sections.flatMap((section): Tables['gaps'][] => {
    const begun = earlier
      .filter((gap) => gap.section === section && gap.from_ms < span.fromMs)
      .map((gap) => ({ fromMs: gap.from_ms, toMs: span.fromMs }))
    const gaps = joined([...begun, ...uncovered(samples.get(section) ?? [], span)])
    const key = { corridor: corridor.id, source, section }
    return gaps.map(({ fromMs, toMs }) => ({ ...key, from_ms: fromMs, to_ms: toMs }))
  })
  if (rows.length > 0) await db.insertInto('gaps').values(rows).execute()
}

/** What is left of a span when every hold of a known rate is taken out. */
function uncovered(samples: SectionSamples['samples'], { fromMs, toMs }: Span): Span[] {
  const gaps: Span[] = []
  let at = fromMs
  for (const hold of holds(samples, fromMs, toMs)) {
    if (hold.sample.rates === null) continue
    if (hold.fromMs > at) gaps.push({ fromMs: at, toMs: hold.fromMs })
    at = hold.toMs
  }
  return at < toMs ? [...gaps, { fromMs: at, toMs }] : gaps
}

/** Spans in order, those that touch made one. */
function joined(spans: readonly Span[]): Span[] {
  const result: Span[] = []
  for (const span of spans) {
    const last = result.at(-1)
    if (last?.toMs === span.fromMs) result[result.length - 1] = { ...last, toMs: span.toMs }
    else result.push(span)
  }
  return result
}
