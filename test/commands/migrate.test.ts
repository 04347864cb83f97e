import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { migrateDatabase } from '../../src/commands/migrate.ts'
import { ConfigError } from '../../src/config/faults.ts'
import { environmentOf, newFolder, onBothEngines } from '../helpers/databases.ts'
import { closedPort } from '../helpers/ports.ts'
import { startProcess } from '../helpers/service.ts'

const FILES = {
  '0001_first.up.sql': 'CREATE TABLE firsts (a BIGINT NOT NULL PRIMARY KEY);\n',
  '0001_first.down.sql': 'DROP TABLE firsts;\n',
  '0002_second.up.sql': 'CREATE TABLE seconds (b TEXT NOT NULL);\n',
  '0002_second.down.sql': 'DROP TABLE seconds;\n',
}
const CANARY = 'canary/password+0123456789'
const USAGE = /^usage: npm run migrate -- up \| down \| status \| create NAME/

/** A way to run the command on one database; gives its exit code and what it printed. */
const commandOn =
  (environment: Record<string, string>, dir?: string) =>
  async (...args: string[]) => {
    const lines: string[] = []
    const code = await migrateDatabase(args, environment, (line) => lines.push(line), dir)
    return { code, lines }
  }

const embedded = (t: Test) => ({ DATA_DIR: newFolder(t) })

await onBothEngines(t, async (t, engine) => {
  t.test('migrate goes up and down and says what it did and how things stand', async (t) => {
    const run = commandOn(await environmentOf(await engine.newPlace(t)), t.testdir(FILES))
    const expect = async (action: string, lines: readonly (string | RegExp)[]) =>
      t.match(await run(action), { code: 0, lines }, action)
    const [first, second] = [/^0001_first 20\d\d-\d\d-\d\dT.*Z$/, /^0002_second 20\d\d-.*Z$/]
    await expect('down', ['nothing to do'])
    await expect('status', ['0001_first pending', '0002_second pending'])
    await expect('up', ['0001_first applied', '0002_second applied'])
    await expect('status', [first, second])
    await expect('up', ['nothing to do'])
    await expect('down', ['0002_second taken back'])
    await expect('status', [first, '0002_second pending'])
    await expect('down', ['0001_first taken back'])
    await expect('up', ['0001_first applied', '0002_second applied'])
  })

  t.test('migrate does not call a mistake in a migration a fault of the database', async (t) => {
    const dir = t.testdir({ ...FILES, '0002_second.up.sql': 'CREATE TABEL seconds;\n' })
    const run = commandOn(await environmentOf(await engine.newPlace(t)), dir)
    await t.rejects(run('up'), /syntax error/)
    t.match((await run('status')).lines, ['0001_first pending', '0002_second pending'])
  })
})

t.test('migrate without a folder named takes the migrations of the project', async (t) => {
  const { code, lines } = await commandOn(embedded(t))('status')
  t.equal(code, 0)
  t.equal(lines[0], '0001_memory pending')
})

t.test('migrate create makes the next two files, which do nothing yet', async (t) => {
  const dir = t.testdir(FILES)
  // Needs no database, nor a configuration that can be used.
  const { code, lines } = await commandOn({ PORT: 'http' }, dir)('create', 'speed-2-index')
  t.equal(code, 0)
  const [up = '', down = ''] = lines
  t.equal(up, join(dir, '0003_speed-2-index.up.sql'))
  t.equal(down, join(dir, '0003_speed-2-index.down.sql'))
  t.match(readFileSync(up, 'utf8'), /^-- What changes .*\n$/)
  t.match(readFileSync(down, 'utf8'), /^-- What takes the change back.*\n$/)
  const run = commandOn(embedded(t), dir)
  t.equal((await run('up')).lines[2], '0003_speed-2-index applied')
  t.strictSame((await run('down')).lines, ['0003_speed-2-index taken back'])
})

t.test('migrate create begins with 1, and never writes over a file', async (t) => {
  const dir = t.testdir({ 'notes.txt': '' })
  const run = commandOn({}, dir)
  t.equal((await run('create', 'first')).code, 0)
  t.equal((await run('create', 'first')).code, 0)
  t.strictSame(readdirSync(dir).toSorted(), [
    '0001_first.down.sql',
    '0001_first.up.sql',
    '0002_first.down.sql',
    '0002_first.up.sql',
    'notes.txt',
  ])
})

t.test('migrate create says which folder it cannot use', async (t) => {
  const missing = join(newFolder(t), 'missing')
  await t.rejects(commandOn({}, missing)('create', 'first'), { code: 'ENOENT', path: missing })
})

t.test('migrate refuses any other command line and does nothing', async (t) => {
  const dir = t.testdir(FILES)
  const run = commandOn(embedded(t), dir)
  for (const args of [
    [],
    ['sideways'],
    ['constructor'],
    ['up', '0001_first'],
    ['status', ''],
    ['create'],
    ['create', ''],
    ['create', '--help'],
    ['create', 'Speed'],
    ['create', 'a b'],
    ['create', '../a'],
    ['create', 'a_b'],
    ['create', 'a\n'],
    ['create', 'a', 'b'],
  ]) {
    const { code, lines } = await run(...args)
    t.equal(code, 64, args.join(' '))
    t.equal(lines.length, 1)
    t.match(lines[0], USAGE)
  }
  t.strictSame(readdirSync(dir).toSorted(), Object.keys(FILES).toSorted())
})

t.test('migrate does not go on with a wrong environment', async (t) => {
  await t.rejects(commandOn({ DATABASE_URL: 'mysql://localhost/a' })('up'), ConfigError)
})

t.test('migrate says that the server cannot be reached, without its password', async (t) => {
  const url = `postgres://ayalon:${encodeURIComponent(CANARY)}@127.0.0.1:${await closedPort()}/ayalon`
  t.testdir({ url: `${url}\n` })
  for (const environment of [{ DATABASE_URL: url }, { DATABASE_URL_FILE: 'url' }])
    for (const action of ['up', 'down', 'status']) {
      const { exited, output } = startProcess(t, environment, ['migrate', action])
      t.equal(await exited, 69)
      t.equal(output(), 'The database cannot be used: the database server cannot be reached.\n')
    }
})

t.test('migrate says that the data folder is none', async (t) => {
  const file = join(t.testdir({ data: 'a file' }), 'data')
  t.strictSame(await commandOn({ DATA_DIR: file })('up'), {
    code: 69,
    lines: ['The database cannot be used: the data folder is not a folder.'],
  })
})
