import { spawnSync } from 'node:child_process'
import { statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import t from 'tap'
import { makeFolder, makeFolderSync } from '../src/make-folder.ts'

const MODULE = resolve(import.meta.dirname, '../src/make-folder.ts')

t.test('a folder is made with those that it is in, and stays where it is there', async (t) => {
  const dir = t.testdir()
  const deep = join(dir, 'a', 'b', 'c')
  for (let time = 1; time <= 2; time += 1) {
    await makeFolder(deep)
    makeFolderSync(join(dir, 'd', 'e'), 0o700)
  }
  t.ok(statSync(deep).isDirectory())
  t.equal(statSync(join(dir, 'd', 'e')).mode & 0o777, 0o700)
})

t.test('several may make the same at once', async (t) => {
  const deep = join(t.testdir(), 'a', 'b', 'c')
  await Promise.all([1, 2, 3, 4].map(() => makeFolder(deep)))
  t.ok(statSync(deep).isDirectory())
})

t.test('where nothing can be made it fails at once', async (t) => {
  await t.rejects(makeFolder('/proc/nowhere/at-all'), { code: 'ENOENT' })
  t.throws(() => makeFolderSync('/proc/nowhere/at-all', 0o700), { code: 'ENOENT' })
  const dir = t.testdir({ file: '' })
  await t.rejects(makeFolder(join(dir, 'file', 'a')), { code: 'ENOTDIR' })
  await t.rejects(makeFolder(join(dir, 'file')), { code: 'EEXIST' })
})

t.test('a folder that was deleted while a process works in it is none', async (t) => {
  const dir = t.testdir({ gone: {} })
  const script = `
    import { rmdirSync } from 'node:fs'
    import { makeFolderSync } from ${JSON.stringify(MODULE)}
    rmdirSync(process.cwd())
    try { makeFolderSync('data/audit', 0o700) } catch ({ code }) { console.log(code) }`
  const args = ['--input-type=module', '--eval', script]
  const options = { cwd: join(dir, 'gone'), encoding: 'utf8', timeout: 60_000 } as const
  const { stdout } = spawnSync(process.execPath, args, options)
  t.equal(stdout, 'ENOENT\n')
})
