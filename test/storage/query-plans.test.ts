import { CompiledQuery, type KyselyPlugin, sql } from 'kysely'
import t, { type Test } from 'tap'
import { z } from 'zod'
import { INTERVALS } from '../../src/corridors/buckets.ts'
import { sectionsOf } from '../../src/corridors/corridor.ts'
import type { Database, Queries } from '../../src/storage/database/database.ts'
import { recomputeToday, restore } from '../../src/storage/restore.ts'
import { retentionStep } from '../../src/storage/retention.ts'
import { loadObserved } from '../../src/storage/ticks/observations.ts'
import { writeTick } from '../../src/storage/ticks/write-tick.ts'
import { toColumns } from '../../src/storage/totals/amount-columns.ts'
import { computeTotals } from '../../src/storage/totals/compute-totals.ts'
import { importTotals } from '../../src/storage/totals/import-totals.ts'
import { GROUPINGS, readTotals } from '../../src/storage/totals/read-totals.ts'
import { rollUp } from '../../src/storage/totals/roll-up.ts'
import { MILL_ROAD, SUNDAY_MORNING } from '../corridors/fixtures/straight-road.ts'
import { migrated, onBothEngines } from '../helpers/databases.ts'
import { DAY, failedAt, HOUR, MINUTE, tickAt, writeAll } from '../helpers/ticks.ts'

/** The tables that grow with every refresh. */
const LARGE = [
  'observations',
  'totals',
  'snapshots',
  'refreshes',
  'provider_calls',
  'raw_bodies',
] as const

const NOW = SUNDAY_MORNING
const { id: corridorId, timeZone } = MILL_ROAD
const CALLS = [{ name: 'mill-road', atMs: NOW, durationMs: 5, outcome: 'ok', body: '{}' }] as const
/** Amounts of nothing; what they are does not matter. */
const ZERO = { low: 0, central: 0, high: 0, positivePart: 0 }
const AMOUNTS = toColumns({
  delay: ZERO,
  excessFuel: ZERO,
  excessCo2: ZERO,
  timeCost: ZERO,
  fuelCost: ZERO,
})
const SPAN = { fromMs: NOW - DAY, toMs: NOW + DAY }

/** Notes every query that is run by what it gives. */
function listenedTo(db: Queries): { readonly db: Queries; readonly queries: CompiledQuery[] } {
  const queries: CompiledQuery[] = []
  const listener: KyselyPlugin = {
    transformQuery({ node, queryId }) {
      queries.push(db.getExecutor().compileQuery(node, queryId))
      return node
    },
    transformResult: async ({ result }) => result,
  }
  return { db: db.withPlugin(listener), queries }
}

/** The large tables that a query reads otherwise than by the first column of an index, and how. */
async function unhelped(database: Database, query: CompiledQuery): Promise<string[]> {
  return database.engine === 'sqlite'
    ? unhelpedOnSqlite(database.write, query)
    : unhelpedOnPostgres(database.write, query)
}

async function unhelpedOnSqlite(db: Queries, query: CompiledQuery): Promise<string[]> {
  const { rows } = await db.executeQuery<{ detail: string }>(
    CompiledQuery.raw(`EXPLAIN QUERY PLAN ${query.sql}`, [...query.parameters]),
  )
  const reads = new RegExp(`^(SCAN|SEARCH) (${LARGE.join('|')})\\b`)
  // A search without an index, for the greatest of something, is one of the whole table.
  const helped = /^SEARCH \w+ USING (COVERING )?INDEX /
  return rows
    .map(({ detail }) => detail)
    .filter((detail) => reads.test(detail) && !helped.test(detail))
}

const node = z.looseObject({
  'Node Type': z.string(),
  'Relation Name': z.string().optional(),
  'Index Name': z.string().optional(),
  'Index Cond': z.string().default(''),
  get Plans() {
    return z.array(node).default([])
  },
})
type Node = z.infer<typeof node>
const explained = z.array(z.looseObject({ Plan: node }))

const withParts = (whole: Node): Node[] => [whole, ...whole.Plans.flatMap(withParts)]

function unhelpedOnPostgres(db: Queries, query: CompiledQuery): Promise<string[]> {
  return db.transaction().execute(async (transaction) => {
    // These tables are small here: without this the planner would rightly read them whole.
    await sql`SET LOCAL enable_seqscan = off`.execute(transaction)
    const { rows } = await transaction.executeQuery<Record<string, unknown>>(
      CompiledQuery.raw(`EXPLAIN (FORMAT JSON) ${query.sql}`, [...query.parameters]),
    )
    const indexes = await firstColumns(transaction)
    const parts = rows
      .flatMap((row) => explained.parse(row['QUERY PLAN']))
      .flatMap(({ Plan }) => withParts(Plan))
    return parts.flatMap((part) => {
      const index = indexes.get(part['Index Name'] ?? '')
      // Without a condition on its first column an index is read whole.
      if (index !== undefined && !part['Index Cond'].includes(index.column))
        return [`${part['Node Type']} of all of ${index.table}`]
      return part['Node Type'] === 'Seq Scan' ? [`Seq Scan on ${part['Relation Name']}`] : []
    })
  })
}

/** The indexes of the large tables: their table, and the column that they are in order of. */
async function firstColumns(
  db: Queries,
): Promise<ReadonlyMap<string, { readonly table: string; readonly column: string }>> {
  const { rows } = await sql<{ tablename: string; indexname: string; indexdef: string }>`
    SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'`.execute(db)
  const large = rows.filter(({ tablename }) => LARGE.some((name) => name === tablename))
  return new Map(
    large.map(({ tablename, indexname, indexdef }) => {
      const column = /\((\w+)/.exec(indexdef)?.[1] ?? indexdef
      return [indexname, { table: tablename, column }]
    }),
  )
}

const readsLarge = (query: CompiledQuery): boolean =>
  LARGE.some((table) => query.sql.includes(`"${table}"`))

/** The queries that read a large table without the help of an index. */
async function withoutIndex(
  database: Database,
  queries: readonly CompiledQuery[],
): Promise<string[]> {
  const found: string[] = []
  for (const query of queries.filter(readsLarge)) {
    const reasons = await unhelped(database, query)
    if (reasons.length > 0) found.push(`${query.sql}: ${reasons.join('; ')}`)
  }
  return found
}

await onBothEngines(t, async (t, engine) => {
  /** A database of some refreshes, and what listens to its queries. */
  const filled = async (t: Test) => {
    const database = await migrated(t, engine)
    await writeAll(database.write, [
      tickAt(NOW - 20 * MINUTE, { calls: CALLS }),
      tickAt(NOW, { calls: CALLS }),
    ])
    return { database, ...listenedTo(database.write) }
  }

  /** Each work of the service on the large tables; which of them it reads or changes. */
  const works: Record<string, [readonly string[], (db: Queries) => Promise<unknown>]> = {
    'writing a refresh': [LARGE, (db) => writeTick(db, tickAt(NOW + 5 * MINUTE, { calls: CALLS }))],
    'writing a refresh that failed': [
      ['refreshes', 'observations', 'totals'],
      (db) => writeTick(db, failedAt(NOW + HOUR)),
    ],
    'computing totals': [
      ['observations', 'totals'],
      (db) =>
        computeTotals(db, { corridorId, source: 'live', timeZone, model: 'physical', ...SPAN }),
    ],
    'summing totals up': [['totals'], (db) => rollUp(db, [1, 2], [NOW], '5m', timeZone)],
    'importing totals': [
      ['totals'],
      async (db) => {
        const [section] = sectionsOf(MILL_ROAD)
        await importTotals(db, [
          {
            corridorId,
            timeZone,
            direction: 'northbound',
            section: section?.id ?? '',
            source: 'live',
            model: 'physical',
            modelVersion: 'older',
            interval: '5m',
            startMs: NOW,
            measuredKmH: 1,
            amounts: AMOUNTS,
          },
        ])
      },
    ],
    'reading what was observed': [
      ['observations'],
      (db) => loadObserved(db, corridorId, 'live', SPAN),
    ],
    'restoring after a start': [
      ['snapshots', 'observations', 'refreshes'],
      (db) => restore(db, MILL_ROAD, ['here', 'tomtom'], NOW + MINUTE),
    ],
    "computing today's totals at a start": [
      ['refreshes', 'observations', 'totals'],
      (db) => recomputeToday(db, MILL_ROAD, 'live', NOW + MINUTE, 400),
    ],
    'letting go of what is old': [
      LARGE,
      (db) => retentionStep(db, { observations: 1, raw: 1 }, NOW + 3 * DAY),
    ],
  }
  for (const by of GROUPINGS)
    for (const interval of INTERVALS)
      works[`reading totals of ${interval} by ${by}`] = [
        ['totals'],
        (db) =>
          readTotals(db, {
            corridorId,
            source: 'live',
            model: 'physical',
            interval,
            span: SPAN,
            by,
          }),
      ]

  for (const [name, [tables, work]] of Object.entries(works))
    t.test(`${name} finds its rows by an index`, async (t) => {
      const { database, db, queries } = await filled(t)
      await work(db)
      for (const table of tables)
        t.ok(
          queries.some((query) => query.sql.includes(`"${table}"`)),
          `looks at ${table}`,
        )
      t.strictSame(await withoutIndex(database, queries), [])
    })

  t.test('a query that no index helps is caught', async (t) => {
    const { database, db, queries } = await filled(t)
    const slow = [
      db.selectFrom('observations').selectAll().where('speed_kmh', '>', 5),
      db.selectFrom('observations').select('section').where('section', '=', 'north-1'),
      db.selectFrom('totals').selectAll().where('start_ms', '<', NOW),
      db.selectFrom('totals').select('start_ms').distinct(),
      db.selectFrom('snapshots').selectAll().where('observed_ms', '>', NOW),
      db.selectFrom('refreshes').selectAll().where('ended_ms', '>', NOW).orderBy('ended_ms'),
      db.selectFrom('provider_calls').selectAll().where('refresh', '=', '1'),
      db.selectFrom('raw_bodies').select((row) => row.fn.max('name').as('name')),
      db.deleteFrom('raw_bodies').where('name', '=', 'mill-road'),
      db.updateTable('observations').set({ speed_kmh: 1 }).where('provider', '=', 'here'),
      db
        .selectFrom('totals')
        .innerJoin('series', 'series.id', 'totals.series')
        .selectAll()
        .where('totals.bucket_seconds', '=', 300),
    ]
    for (const query of slow) {
      queries.length = 0
      await query.execute()
      t.equal((await withoutIndex(database, queries)).length, 1, query.compile().sql)
    }
  })
})
