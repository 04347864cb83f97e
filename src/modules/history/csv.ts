import { isoTime } from '../../views/json.ts'
import { CSV_HEADER, csvLine } from '../../views/totals-csv.ts'
import type { HistoryRequest, HistoryService } from './service.ts'

/** The lines of a range, some buckets at a time, so that a long one is never whole in memory. */
export async function* csvOf(
  service: HistoryService,
  request: HistoryRequest,
  bucketsAtOnce: number,
): AsyncGenerator<string> {
  const { corridor, interval, model, range } = request
  let fromMs = range.fromMs
  let head = `${CSV_HEADER}\n`
  while (fromMs < range.toMs) {
    const rest = { ...request, range: { ...range, fromMs } }
    const { rows, endMs } = await service.rows(rest, bucketsAtOnce)
    const lines = rows.map(({ bucket, group, modelVersion, coverage, amounts }) =>
      csvLine({
        bucket,
        interval,
        corridor: corridor.id,
        direction: group.direction ?? '',
        section: group.section ?? '',
        source: service.source,
        model,
        modelVersion: modelVersion ?? '',
        currency: corridor.currency,
        coverage,
        amounts,
      }),
    )
    yield `${head}${lines.join('\n')}\n`
    head = ''
    fromMs = endMs
  }
}

/** A name for the download that tells what it holds. */
export function csvName({ corridor, interval, range }: HistoryRequest): string {
  const [from, to] = [range.fromMs, range.toMs].map((atMs) => isoTime(atMs).slice(0, 10))
  return `${corridor.id}-${interval}-${from}-${to}.csv`
}
