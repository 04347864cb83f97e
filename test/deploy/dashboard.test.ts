import t from 'tap'
import { z } from 'zod'
import { type Panel, queriesOf, readDashboard } from '../helpers/dashboard.ts'
import { papers } from '../helpers/papers.ts'
import { noPostgres } from '../helpers/postgres.ts'
import { noPrometheus, readQueries, samplesOf } from '../helpers/prometheus.ts'
import { groupingsOf, mustExist, selectorsOf } from '../helpers/promql.ts'
import { noRedis } from '../helpers/redis.ts'
import { rulesOf } from '../helpers/rules.ts'
import { untilNone, watchedService } from '../helpers/watched.ts'

const DASHBOARD = readDashboard()
/** What docs/monitoring.md asks. */
const PAPER = papers()
  .filter(({ path }) => path === 'docs/monitoring.md')
  .flatMap(({ fences }) => fences.filter(({ info }) => info === 'promql'))
  .flatMap(({ text }) => text.split(/\n(?!\s)/))
  .filter((query) => query.trim() !== '' && !query.startsWith('#'))

const PANELS = DASHBOARD.panels.filter(({ type }) => type !== 'row')

/** Labels that Prometheus alone gives, and only in a cluster. */
const OF_A_CLUSTER = ['namespace']

t.test('the dashboard can be provisioned', async (t) => {
  t.equal('id' in DASHBOARD, false, 'an id is of one Grafana')
  t.equal(DASHBOARD.uid, 'ayalon-congestion-impact')
  t.equal(DASHBOARD.schemaVersion, 42, 'the last of this model, that of Grafana 12 and 13')
  t.strictSame(
    DASHBOARD.templating.list.map(({ name, type }) => `${name} ${type}`),
    ['datasource datasource', 'namespace query', 'corridor query', 'instance query'],
  )
})

t.test('each panel says what it shows, in which unit, and from the chosen source', async (t) => {
  for (const { title, description, datasource, fieldConfig, targets } of PANELS) {
    t.not(description, '', title)
    t.ok(datasource, title)
    t.ok(fieldConfig?.defaults.unit, title)
    t.not(targets.length, 0, title)
    t.strictSame(
      targets.map(({ refId }) => refId),
      [...new Set(targets.map(({ refId }) => refId))],
      title,
    )
  }
  const ids = DASHBOARD.panels.map(({ id }) => id)
  t.equal(new Set(ids).size, ids.length, 'ids are unique')
})

t.test('no panel lies on another, or beside the screen', async (t) => {
  const cells = DASHBOARD.panels.flatMap(({ title, gridPos }) =>
    cellsOf(gridPos).map((cell) => ({ title, ...cell })),
  )
  const taken = new Set<string>()
  const wrong = cells.filter(({ x, y }) => {
    const isTaken = taken.has(`${x},${y}`)
    taken.add(`${x},${y}`)
    return isTaken || x < 0 || x >= 24
  })
  t.strictSame(wrong, [])
})

const cellsOf = ({ x, y, w, h }: Panel['gridPos']): { x: number; y: number }[] =>
  Array.from({ length: w * h }, (_, at) => ({ x: x + (at % w), y: y + Math.floor(at / w) }))

t.test('every query can be read', { skip: noPrometheus() }, async (t) => {
  const { ok, said } = readQueries(t.testdir(), [...PANELS.flatMap(queriesOf), ...PAPER])
  t.ok(ok, said)
})

const found = z.object({ status: z.literal('success'), data: z.array(z.unknown()) })
const labelNames = z.object({ data: z.array(z.string()) })

t.test(
  'the service exports what the rules, the dashboard and the paper ask for',
  { skip: noPrometheus() || noPostgres() || noRedis() },
  async (t) => {
    const { get, use } = await watchedService(t, t.testdir())
    const rules = rulesOf().map(({ expr }) => expr)
    const queries = [...rules, ...PANELS.flatMap(queriesOf), ...PAPER]

    const wanted = new Set(queries.flatMap(selectorsOf).flatMap(mustExist))
    const isThere = async (series: string): Promise<boolean> => {
      const answered = await get('series', { 'match[]': series })
      return answered !== null && found.parse(answered).data.length > 0
    }
    const missing = async () => {
      const each = [...wanted].map(async (series) => ((await isThere(series)) ? [] : [series]))
      return (await Promise.all(each)).flat()
    }
    t.strictSame(await untilNone(use, missing), [], 'every metric, label and value is there')

    const nowhere: string[] = []
    for (const query of queries) {
      const metrics = selectorsOf(query).map(({ name }) => name)
      // An alert that does not ring has no series: what it would have is of some other.
      const names = metrics.includes('ALERTS') ? '.+' : ['none', ...metrics].join('|')
      const parameters = { 'match[]': `{__name__=~"${names}"}` }
      const { data } = labelNames.parse(await get('labels', parameters))
      for (const label of groupingsOf(query))
        if (![...data, ...OF_A_CLUSTER].includes(label)) nowhere.push(`${label} of ${query}`)
    }
    t.strictSame(nowhere, [], 'each label by which is grouped is there')

    const empty = async () => {
      const each = PANELS.flatMap(({ title, targets }) =>
        queriesOf({ targets }).map(async (query) => {
          const samples = samplesOf(await get('query', { query }))
          const isEmpty = samples.every(({ value }) => Number.isNaN(value))
          return isEmpty ? [`${title}: ${query}`] : []
        }),
      )
      return (await Promise.all(each)).flat()
    }
    t.strictSame(await untilNone(use, empty), [], 'every panel has data')
  },
)
