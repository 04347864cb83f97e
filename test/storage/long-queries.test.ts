import { sql } from 'kysely'
import t from 'tap'
import { buildApp, WEDNESDAY_8H } from '../helpers/build-app.ts'
import { migratedPlace, onBothEngines } from '../helpers/databases.ts'
import { tickAt } from '../helpers/ticks.ts'

/** Counts to a number, which takes an engine a while, and no disk or memory. */
const countTo = (most: number) => sql<{ last: number }>`
  WITH RECURSIVE counter (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counter WHERE n < ${sql.lit(most)})
  SELECT MAX(n) AS last FROM counter`

t.test('while a long query runs, requests are answered and refreshes are written', async (t) => {
  await onBothEngines(t, async (t, engine) => {
    const { server, storage } = await buildApp(t, { place: await migratedPlace(t, engine) })
    const order: string[] = []
    const long = storage.connection.useOpen(async ({ read }) => {
      const { rows } = await countTo(3_000_000).execute(read)
      order.push('the long query')
      return rows[0]?.last
    })
    const { statusCode } = await server.inject('/v1/traffic/ayalon')
    t.equal(statusCode, 200)
    order.push('a request')
    storage.recorder.record(tickAt(WEDNESDAY_8H))
    await storage.recorder.settled()
    t.equal(storage.recorder.queued, 0)
    order.push('a write')
    t.equal(await long, 3_000_000)
    t.strictSame(order, ['a request', 'a write', 'the long query'])
  })
})
