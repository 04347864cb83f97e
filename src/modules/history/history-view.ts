import { corridorModelView } from '../../views/corridor-model.ts'
import { isoTime } from '../../views/json.ts'
import { totalsView } from '../../views/totals.ts'
import type { HistoryView } from './schemas.ts'
import type { HistoryRequest, HistoryRow, HistoryService } from './service.ts'

/**
 * One page of a range, and the path of the next.
 * @param mostRows of one page; it holds at least one bucket
 */
export async function historyView(
  service: HistoryService,
  request: HistoryRequest,
  mostRows: number,
): Promise<HistoryView> {
  const { corridor, interval, range, by, groups, model } = request
  const buckets = Math.max(1, Math.floor(mostRows / groups.length))
  const { rows, endMs } = await service.rows(request, buckets)
  return {
    corridor: corridor.id,
    name: corridor.name,
    timeZone: corridor.timeZone,
    currency: corridor.currency,
    source: service.source,
    interval,
    from: isoTime(range.fromMs),
    to: isoTime(range.toMs),
    by,
    model: corridorModelView(corridor, model, { kind: 'freeFlow' }),
    buckets: rows.map((row) => bucketView(row, corridor.currency)),
    next: endMs < range.toMs ? nextPath(request, endMs, mostRows) : null,
  }
}

function bucketView(row: HistoryRow, currency: string): HistoryView['buckets'][number] {
  const { direction, section } = row.group
  return {
    ...totalsView(row.bucket, row.coverage, row.amounts, currency),
    direction,
    section,
    modelVersion: row.modelVersion,
  }
}

function nextPath(request: HistoryRequest, fromMs: number, limit: number): string {
  const { corridor, interval, range, by, direction, section, model } = request
  const query = new URLSearchParams({
    from: isoTime(fromMs),
    to: isoTime(range.toMs),
    interval,
    by,
    model,
    limit: String(limit),
    ...(direction !== undefined && { direction }),
    ...(section !== undefined && { section }),
  })
  return `/v1/traffic/${corridor.id}/history?${query}`
}
