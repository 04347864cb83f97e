import { readdirSync } from 'node:fs'
import t, { type Test } from 'tap'
import { type DatabasePlace, openDatabase } from '../../src/storage/database/database.ts'
import {
  MIGRATIONS_DIR,
  migrate,
  migrationNames,
  migrationStatus,
} from '../../src/storage/database/migrations.ts'
import { environmentOf, migrated, onBothEngines } from '../helpers/databases.ts'
import { schemaOf } from '../helpers/schema.ts'
import { startProcess } from '../helpers/service.ts'

const NAMES = migrationNames(MIGRATIONS_DIR)

const FIRST = {
  '0001_first.up.sql': 'CREATE TABLE firsts (a BIGINT NOT NULL PRIMARY KEY);\n',
  '0001_first.down.sql': 'DROP TABLE firsts;\n',
}
const SECOND = {
  '0002_second.up.sql': 'CREATE TABLE seconds (b TEXT NOT NULL);\n',
  '0002_second.down.sql': 'DROP TABLE seconds;\n',
}
const BROKEN = 'DROP TABLE nowhere;\n'

t.test('every migration goes both ways, and their numbers leave none out', async (t) => {
  const expected = NAMES.flatMap((name) => [`${name}.down.sql`, `${name}.up.sql`])
  t.strictSame(readdirSync(MIGRATIONS_DIR).toSorted(), expected)
  const numbers = NAMES.map((name) => Number(name.slice(0, 4)))
  t.strictSame(
    numbers,
    NAMES.map((_, index) => index + 1),
  )
})

await onBothEngines(t, async (t, engine) => {
  const open = async (t: Test, place?: DatabasePlace) => {
    const database = await openDatabase(place ?? (await engine.newPlace(t)), () => {})
    t.teardown(() => database.close())
    return database
  }

  t.test('five processes at once apply each migration exactly once', async (t) => {
    t.testdir()
    const place = await engine.newPlace(t)
    const environment = await environmentOf(place)
    const processes = Array.from({ length: 5 }, () =>
      startProcess(t, environment, ['migrate', 'up']),
    )
    for (const { exited, output } of processes) t.equal(await exited, 0, output())
    const said = processes.flatMap(({ output }) => output().trim().split('\n'))
    const applied = said.filter((line) => line !== 'nothing to do')
    t.strictSame(
      applied,
      NAMES.map((name) => `${name} applied`),
    )
    t.equal(said.length - applied.length, 4, 'the others found nothing to do')
    const database = await open(t, place)
    const alone = await migrated(t, engine)
    t.strictSame(await schemaOf(database), await schemaOf(alone))
  })

  t.test('down to nothing and up again gives the same schema', async (t) => {
    const database = await migrated(t, engine)
    const before = await schemaOf(database)
    t.ok(before.length > 0)
    for (const name of NAMES.toReversed())
      t.match(await migrate(database.write, 'down'), [{ migrationName: name, status: 'Success' }])
    t.strictSame(await schemaOf(database), [])
    t.strictSame(await migrate(database.write, 'down'), [])
    await migrate(database.write, 'up')
    t.strictSame(await schemaOf(database), before)
  })

  t.test('a migration that fails half-way leaves nothing, nor do those before it', async (t) => {
    const database = await open(t)
    const [up] = Object.values(SECOND)
    const dir = t.testdir({ ...FIRST, ...SECOND, '0002_second.up.sql': `${up}${BROKEN}` })
    await t.rejects(migrate(database.write, 'up', dir), /nowhere/)
    t.strictSame(await schemaOf(database), [])
    t.strictSame(await migrationStatus(database.write, dir), [
      { name: '0001_first', appliedAt: null },
      { name: '0002_second', appliedAt: null },
    ])
    const mended = t.testdir({ ...FIRST, ...SECOND })
    t.equal((await migrate(database.write, 'up', mended)).length, 2, 'mended, it goes')
  })

  t.test('one that cannot be taken back leaves all as it was', async (t) => {
    const database = await open(t)
    const [, down] = Object.values(SECOND)
    const dir = t.testdir({ ...FIRST, ...SECOND, '0002_second.down.sql': `${down}${BROKEN}` })
    await migrate(database.write, 'up', dir)
    const before = await schemaOf(database)
    await t.rejects(migrate(database.write, 'down', dir), /nowhere/)
    t.strictSame(await schemaOf(database), before)
    t.ok((await migrationStatus(database.write, dir)).every(({ appliedAt }) => appliedAt !== null))
  })

  t.test('a schema that is newer than the code can be used and is left as it is', async (t) => {
    const database = await open(t)
    await migrate(database.write, 'up', t.testdir({ ...FIRST, ...SECOND }))
    const before = await schemaOf(database)
    const old = t.testdir(FIRST)
    t.strictSame(await migrate(database.write, 'up', old), [], 'nothing is missing')
    await t.rejects(migrate(database.write, 'down', old), /of a newer version of this service/)
    t.strictSame(await schemaOf(database), before)
  })

  t.test('what was applied before is left, what is missing is added', async (t) => {
    const database = await open(t)
    await migrate(database.write, 'up', t.testdir(FIRST))
    const dir = t.testdir({ ...FIRST, ...SECOND })
    const [first] = await migrationStatus(database.write, dir)
    t.match(await migrate(database.write, 'up', dir), [{ migrationName: '0002_second' }])
    const [same, second] = await migrationStatus(database.write, dir)
    t.strictSame(same, first)
    t.ok(second?.appliedAt instanceof Date)
  })
})
