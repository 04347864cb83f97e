import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { z } from 'zod'

const FILE = resolve(import.meta.dirname, '../../deploy/grafana/dashboards/ayalon.json')

const source = z.strictObject({
  type: z.literal('prometheus'),
  uid: z.literal('$' + '{datasource}'),
})
const panel = z.looseObject({
  id: z.int(),
  type: z.string(),
  title: z.string(),
  description: z.string().default(''),
  gridPos: z.strictObject({ x: z.int(), y: z.int(), w: z.int(), h: z.int() }),
  datasource: source.optional(),
  fieldConfig: z
    .looseObject({ defaults: z.looseObject({ unit: z.string().optional() }) })
    .optional(),
  targets: z
    .array(z.looseObject({ refId: z.string(), expr: z.string(), datasource: source }))
    .default([]),
})
export type Panel = z.infer<typeof panel>

const dashboard = z.looseObject({
  uid: z.string(),
  title: z.string(),
  schemaVersion: z.int(),
  templating: z.object({
    list: z.array(z.looseObject({ name: z.string(), type: z.string(), query: z.unknown() })),
  }),
  panels: z.array(panel),
})

/** The dashboard, as far as the tests look at it. */
export const readDashboard = (): z.infer<typeof dashboard> =>
  dashboard.parse(JSON.parse(readFileSync(FILE, 'utf8')))

/** A query as Prometheus gets it where every variable says "All". */
export const substituted = (expr: string): string =>
  expr
    .replaceAll('$__rate_interval', '10s')
    .replaceAll(/\$(?:namespace|corridor|instance)\b/g, '.*')

/** What a panel asks. */
export const queriesOf = ({ targets }: Pick<Panel, 'targets'>): string[] =>
  targets.map(({ expr }) => substituted(expr))
