import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pino } from 'pino'
import t from 'tap'
import { keysOfList, ListedKeys, listFault } from '../../src/access/listed-keys.ts'
import { allows, SCOPES } from '../../src/access/scopes.ts'
import { Secret } from '../../src/secret.ts'
import { listenedLog } from '../helpers/log.ts'

const SECRET = 'canary-0123456789'
const OTHER = 'canary-9876543210'

t.test('a list of names, scopes and secrets has no fault', async (t) => {
  for (const list of [
    `ops:admin:${SECRET}`,
    `dash:read:${SECRET},sync:write:${OTHER}`,
    ` dash:read:${SECRET} , sync:write:${OTHER} `,
    `a.b_c-9:admin:${SECRET}`,
    `${'n'.repeat(64)}:read:${SECRET}`,
    `ops:admin:${'s'.repeat(16)}`,
    `ops:admin:with:colons:${SECRET}`,
    `dash:read:${SECRET}\nsync:write:${OTHER}`,
  ])
    t.equal(listFault(list), null, list)
})

t.test('each fault of a list is told, and no part of the list', async (t) => {
  for (const [list, fault] of [
    ['', /list of name:scope:secret with the scopes read, write, admin/],
    [SECRET, /list of name:scope:secret/],
    [`ops:${SECRET}`, /list of name:scope:secret/],
    [`:admin:${SECRET}`, /list of name:scope:secret/],
    [`my ops:admin:${SECRET}`, /list of name:scope:secret/],
    [`${'n'.repeat(65)}:read:${SECRET}`, /list of name:scope:secret/],
    [`ops:root:${SECRET}`, /list of name:scope:secret/],
    [`ops:Admin:${SECRET}`, /list of name:scope:secret/],
    [`ops: admin:${SECRET}`, /list of name:scope:secret/],
    [`ops::${SECRET}`, /list of name:scope:secret/],
    [`ops:admin:${SECRET},`, /list of name:scope:secret/],
    [`ops:admin:${SECRET},,dash:read:${OTHER}`, /list of name:scope:secret/],
    [`ops:admin:${SECRET};dash:read`, null],
    ['ops:admin:', /at least 16 characters/],
    ['ops:admin', /list of name:scope:secret/],
    [`ops:admin:${'s'.repeat(15)}`, /at least 16 characters/],
    [`ops:admin:${SECRET},dash:read:canary`, /at least 16 characters/],
    [`ops:admin:${SECRET}\u00e9`, /must be of printable ASCII/],
    [`ops:admin:${SECRET}\t${SECRET}`, /must be of printable ASCII/],
    [`ops:admin:${SECRET},ops:read:${OTHER}`, /must not name one twice/],
    [`ops:admin:${SECRET}\ndash:read:${SECRET}`, /must not give one secret to two names/],
  ] as const) {
    const told = listFault(list)
    if (fault === null) t.equal(told, null, list)
    else t.match(told, fault, list)
    t.notMatch(told, 'canary', list)
  }
})

t.test('what is no key is left out of the list', async (t) => {
  t.strictSame(keysOfList(`ops:admin:${SECRET}, nonsense, dash:read:a:b`), [
    { name: 'ops', scope: 'admin', secret: SECRET },
    { name: 'dash', scope: 'read', secret: 'a:b' },
  ])
  t.strictSame(keysOfList(''), [])
})

t.test('a key is found by its whole secret only', async (t) => {
  const list = Secret.of(`dash:read:${SECRET},ops:admin:${OTHER}`)
  const keys = new ListedKeys(list, pino({ level: 'silent' }))
  const none = { perMinute: null, perHour: null }
  t.strictSame(await keys.find(SECRET), { id: 'dash', scope: 'read', limits: none })
  t.strictSame(await keys.find(OTHER), { id: 'ops', scope: 'admin', limits: none })
  for (const wrong of ['', 'canary', `${SECRET} `, SECRET.slice(1), SECRET.toUpperCase(), 'ops'])
    t.equal(await keys.find(wrong), undefined, `"${wrong}"`)
})

t.test('a list in a file is read again when it changes; a bad one changes nothing', async (t) => {
  const file = join(t.testdir({ keys: `dash:read:${SECRET}` }), 'keys')
  const { log, lines } = listenedLog()
  const keys = new ListedKeys(Secret.fromFile(file, `dash:read:${SECRET}`), log)
  const known = async () => [(await keys.find(SECRET))?.id, (await keys.find(OTHER))?.id]
  t.strictSame(await known(), ['dash', undefined])
  writeFileSync(file, `dash:read:${SECRET},next:read:${OTHER}\n`)
  t.strictSame(await known(), ['dash', 'next'], 'two that are good at a time')
  for (const bad of [`next:read:${OTHER},,`, 'next:read:short', `a:root:${SECRET}${OTHER}`]) {
    writeFileSync(file, bad)
    t.strictSame(await known(), ['dash', 'next'])
  }
  rmSync(file)
  t.strictSame(await known(), ['dash', 'next'], 'nor does a file that is gone')
  writeFileSync(file, `next:write:${OTHER}`)
  t.strictSame(await known(), [undefined, 'next'])
  t.equal((await keys.find(OTHER))?.scope, 'write')
  t.strictSame(
    lines.filter(({ level }) => level === 40).map(({ msg }) => msg),
    [
      ...Array(3).fill('the list of keys is wrong: the last good one stands'),
      'the file of the list of keys is gone or empty: the last good list stands',
    ],
    'each bad list is told once',
  )
  t.notMatch(JSON.stringify(lines), /canary|short/)
})

t.test('a list that is bad from the start opens nothing', async (t) => {
  const keys = new ListedKeys(Secret.of(`dash:root:${SECRET}`), pino({ level: 'silent' }))
  t.equal(await keys.find(SECRET), undefined)
  t.equal(await keys.find(''), undefined)
})

t.test('a key allows its scope and those before it', async (t) => {
  const allowed = SCOPES.map((scope) => SCOPES.filter((needed) => allows(scope, needed)))
  t.strictSame(allowed, [['read'], ['read', 'write'], ['read', 'write', 'admin']])
})

t.test('blank lines and remarks are no entries', async (t) => {
  const list = `# clients\n\ndash:read:${SECRET}\n  \n# ops:admin:${OTHER}\nsync:write:${OTHER}\n`
  t.equal(listFault(list), null)
  t.strictSame(
    keysOfList(list).map(({ name }) => name),
    ['dash', 'sync'],
  )
  t.match(listFault('# nobody\n\n'), /must be a list/)
})

t.test('a list that goes away leaves the last one in force, and that is told once', async (t) => {
  const { log, withMessage } = listenedLog()
  const dir = t.testdir({ keys: `dash:read:${SECRET}` })
  const file = join(dir, 'keys')
  const keys = new ListedKeys(Secret.fromFile(file, ''), log)
  const isKnown = async () => (await keys.find(SECRET)) !== undefined
  const warnings = () => withMessage(/gone or empty/).length
  t.ok(await isKnown())
  t.strictSame(
    withMessage('the list of keys was read').map((line) => line.keys),
    [['dash']],
  )
  writeFileSync(file, '')
  t.ok(await isKnown())
  rmSync(file)
  t.ok(await isKnown())
  t.equal(warnings(), 1)
  writeFileSync(file, `ops:admin:${OTHER}`)
  t.notOk(await isKnown(), 'a new list takes its place')
  rmSync(file)
  await isKnown()
  t.equal(warnings(), 2)
  t.equal(withMessage('the list of keys was read').length, 2)
})
