import { validatorCompiler } from 'fastify-type-provider-zod'
import { pino } from 'pino'
import type { Test } from 'tap'
import type { Variables } from '../../src/config/config.ts'
import { AYALON } from '../../src/corridors/ayalon.ts'
import type { Span } from '../../src/corridors/buckets.ts'
import { type Corridor, sectionsOf } from '../../src/corridors/corridor.ts'
import type { SectionObservation } from '../../src/corridors/section-observation.ts'
import { historyRoutes } from '../../src/modules/history/routes.ts'
import { acceptHeaders } from '../../src/plugins/accepts.ts'
import { createServer } from '../../src/server.ts'
import { Connection } from '../../src/storage/connection.ts'
import {
  type Database,
  type DatabasePlace,
  openDatabase,
  type Queries,
} from '../../src/storage/database/database.ts'
import { migrate } from '../../src/storage/database/migrations.ts'
import type { Tables } from '../../src/storage/database/tables.ts'
import { keepVersion } from '../../src/storage/ticks/corridor-version.ts'
import { seen, unseen } from '../corridors/fixtures/straight-road.ts'
import { SERVER } from './build-app.ts'
import { type Engine, environmentOf, newFolder } from './databases.ts'

/** One installation of the service: its database, and the variables that lead a command there. */
export interface Installation {
  readonly place: DatabasePlace
  readonly environment: Record<string, string>
  readonly db: Database
}

/** A new installation whose schema is up to date, on an engine or on the embedded one. */
export async function newInstallation(t: Test, engine?: Engine): Promise<Installation> {
  const place = (await engine?.newPlace(t)) ?? { dataDir: newFolder(t) }
  const db = await openDatabase(place, () => {})
  t.teardown(() => db.close())
  await migrate(db.write, 'up')
  return { place, db, environment: await environmentOf(place) }
}

type Command = (
  args: readonly string[],
  environment: Variables,
  print: (line: string) => void,
  now: () => number,
) => Promise<number>

/** A way to run a command on an installation; gives its exit code and what it printed. */
export const commandOn =
  (command: Command, environment: Variables, now: () => number) =>
  async (...args: string[]): Promise<{ code: number; lines: string[] }> => {
    const lines: string[] = []
    const code = await command(args, environment, (line) => lines.push(line), now)
    return { code, lines }
  }

/** A way to ask an installation for the Ayalon's invented history; gives the body. */
export async function historyOf(
  t: Test,
  { place }: Pick<Installation, 'place'>,
  nowMs: number,
): Promise<(query: string) => Promise<string>> {
  const log = pino({ level: 'silent' })
  const connection = new Connection(place, log)
  // What is only read is not opened by reading.
  await connection.use(async () => {})
  t.teardown(() => connection.close())
  const server = createServer(log, SERVER)
  server.setValidatorCompiler(validatorCompiler)
  const clock = { now: () => nowMs, sleep: async () => {} }
  await server.register(acceptHeaders)
  const options = { corridors: [AYALON], source: 'simulated', connection, clock } as const
  await server.register(historyRoutes, options)
  t.teardown(() => server.close())
  return async (query) => {
    const { statusCode, body } = await server.inject(`/v1/traffic/ayalon/history?${query}`)
    if (statusCode !== 200) throw new Error(body)
    return body
  }
}

const STEP_MS = 300_000
/** The hours of a UTC day in which something is observed: a morning, and around midnight in Israel. */
const OBSERVED_HOURS = [4, 5, 6, 7, 8, 21, 22]

/** What is seen of each section at a moment: all that can be seen, in turn; the same every time. */
export const sightsAt = (atMs: number, corridor: Corridor = AYALON): SectionObservation[] =>
  sectionsOf(corridor).map(({ id }, index) => {
    const turn = Math.floor(atMs / STEP_MS) * 7 + index * 13
    if (turn % 17 === 0) return unseen(id, 'insufficientCoverage', 0.5)
    if (turn % 29 === 0) return unseen(id, 'closed', 0.75)
    return seen(id, 8 + (turn % 80), 1 - (turn % 6) / 31)
  })

/** Rows in one statement: engines limit the number of its parameters. */
const ROWS_AT_ONCE = 1000

/**
 * Fills a database with observations every five minutes of some hours, without any totals.
 * @param offsetMs how long after a full five minutes each is made
 */
export async function fill(db: Queries, { fromMs, toMs }: Span, offsetMs = 37_000): Promise<void> {
  const version = await keepVersion(db, AYALON, fromMs)
  const rows: Tables['observations'][] = []
  for (let atMs = fromMs + offsetMs; atMs < toMs; atMs += STEP_MS)
    if (OBSERVED_HOURS.includes(new Date(atMs).getUTCHours()))
      for (const { id, speedKmh, freeFlowKmh, ...sight } of sightsAt(atMs))
        rows.push({
          ...sight,
          version,
          observed_ms: atMs,
          section: id,
          provider: 'simulated',
          fetched_ms: atMs,
          speed_kmh: speedKmh,
          free_flow_kmh: freeFlowKmh,
        })
  for (let at = 0; at < rows.length; at += ROWS_AT_ONCE)
    await db
      .insertInto('observations')
      .values(rows.slice(at, at + ROWS_AT_ONCE))
      .execute()
  await db
    .insertInto('refreshes')
    .values({
      id: `until-${toMs}`,
      corridor: AYALON.id,
      source: 'simulated',
      provider: 'simulated',
      at_ms: toMs,
      ended_ms: toMs,
      outcome: 'ok',
      detail: '',
    })
    .execute()
}

/** Every table; a row as it is, with all its digits. */
export async function dump(db: Queries, ...tables: (keyof Tables)[]): Promise<string[]> {
  const names: readonly (keyof Tables)[] =
    tables.length > 0
      ? tables
      : [
          'corridor_versions',
          'refreshes',
          'observations',
          'gaps',
          'series',
          'totals',
          'recomputations',
        ]
  const lines: string[] = []
  for (const table of names) {
    const rows = await db.selectFrom(table).selectAll().execute()
    lines.push(...rows.map((row) => `${table} ${JSON.stringify(row)}`).toSorted())
  }
  return lines
}

/** Relative difference of two sums of the same parts, and absolute one of two rounded numbers. */
const RELATIVE = 1e-8
const ABSOLUTE = 2e-6

const isNear = (a: string, b: string): boolean =>
  a === b ||
  (a !== '' &&
    b !== '' &&
    Math.abs(Number(a) - Number(b)) <= ABSOLUTE + RELATIVE * Math.abs(Number(b)))

/**
 * Where two answers, JSON or CSV, differ by more than the last digits of their numbers: engines add
 * in any order.
 */
export function differences(found: string, wanted: string): string[] {
  const [here, there] = [found, wanted].map((text) => text.split(/[\s,{}[\]":]/))
  if (here === undefined || there === undefined || here.length !== there.length)
    return [`${here?.length} fields where ${there?.length} belong`]
  return here.flatMap((field, index) => {
    const other = there[index] ?? ''
    return isNear(field, other) ? [] : [`${field} where ${other} belongs`]
  })
}
