import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { NoPepper, PEPPER_FILE, type Pepper, pepperOf } from '../../src/access/pepper.ts'
import { Secret } from '../../src/secret.ts'
import { newFolder } from '../helpers/databases.ts'

const CONFIGURED = 'canary-of-a-pepper-0123456789abcdef'
const SERVER = Secret.of('postgres://localhost/ayalon')

const own = (dataDir: string): Pepper => {
  const pepper = pepperOf({ KEY_PEPPER: null, DATABASE_URL: null, DATA_DIR: dataDir })
  if (pepper === null) throw new Error('the embedded database always has one')
  return pepper
}

t.test('the pepper that is configured is the one, whichever the database', async (t) => {
  const dataDir = newFolder(t)
  for (const url of [null, SERVER]) {
    const secret = Secret.of(CONFIGURED)
    const pepper = pepperOf({ KEY_PEPPER: secret, DATABASE_URL: url, DATA_DIR: dataDir })
    t.equal(await pepper?.read(), CONFIGURED)
    t.equal(await pepper?.readOrMake(), CONFIGURED)
  }
  t.strictSame(readdirSync(dataDir), [], 'none is made')
})

t.test('a server has no pepper of its own', async (t) => {
  t.equal(pepperOf({ KEY_PEPPER: null, DATABASE_URL: SERVER, DATA_DIR: newFolder(t) }), null)
})

t.test('a configured pepper that was changed to a short one is not used', async (t) => {
  const file = join(t.testdir({ pepper: CONFIGURED }), 'pepper')
  const secret = Secret.fromFile(file, CONFIGURED)
  const pepper = pepperOf({ KEY_PEPPER: secret, DATABASE_URL: SERVER, DATA_DIR: '.' })
  writeFileSync(file, 'canary-short')
  await t.rejects(
    async () => pepper?.read(),
    new NoPepper('KEY_PEPPER must have at least 32 characters'),
  )
})

t.test('the embedded database has a pepper of its own from the first need on', async (t) => {
  const dataDir = join(newFolder(t), 'data')
  const gone = new NoPepper(`the file ${PEPPER_FILE} in the data folder is gone`)
  await t.rejects(own(dataDir).read(), gone)
  const made = await own(dataDir).readOrMake()
  t.match(made, /^[A-Za-z0-9_-]{43}$/)
  t.equal(await own(dataDir).read(), made)
  t.equal(await own(dataDir).readOrMake(), made, 'it is made once')
  t.equal(readFileSync(join(dataDir, PEPPER_FILE), 'utf8'), made)
  t.equal(statSync(join(dataDir, PEPPER_FILE)).mode & 0o777, 0o600, 'only its owner may read it')
  t.strictSame(readdirSync(dataDir), [PEPPER_FILE], 'nothing else is left')
  t.not(await own(newFolder(t)).readOrMake(), made, 'another folder has another')
})

t.test('many who need the pepper at once all get the same', async (t) => {
  const dataDir = newFolder(t)
  const all = await Promise.all(Array.from({ length: 20 }, () => own(dataDir).readOrMake()))
  t.equal(new Set(all).size, 1)
  t.strictSame(readdirSync(dataDir), [PEPPER_FILE])
})

t.test('a pepper that cannot be used is told, without its path and what it holds', async (t) => {
  const where = `the file ${PEPPER_FILE} in the data folder`
  const short = newFolder(t)
  writeFileSync(join(short, PEPPER_FILE), 'canary-short')
  const fault = new NoPepper(`${where} must have at least 32 characters`)
  await t.rejects(own(short).read(), fault)
  await t.rejects(own(short).readOrMake(), fault)
  const folder = newFolder(t)
  mkdirSync(join(folder, PEPPER_FILE))
  await t.rejects(own(folder).read(), new NoPepper(`${where} cannot be read or made (EISDIR)`))
  // A folder of the system in which nobody can make a file.
  await t.rejects(own('/sys').readOrMake(), { name: 'NoPepper', message: /made \(E[A-Z]+\)$/ })
  const file = join(t.testdir({ data: 'a file' }), 'data')
  await t.rejects(own(file).readOrMake(), new NoPepper(`${where} cannot be read or made (EEXIST)`))
})
