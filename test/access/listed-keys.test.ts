import { pino } from 'pino'
import t from 'tap'
import { keysOfList, ListedKeys, listFault } from '../../src/access/listed-keys.ts'
import { allows, SCOPES } from '../../src/access/scopes.ts'
import { Secret } from '../../src/secret.ts'

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

t.test('a key allows its scope and those before it', async (t) => {
  const allowed = SCOPES.map((scope) => SCOPES.filter((needed) => allows(scope, needed)))
  t.strictSame(allowed, [['read'], ['read', 'write'], ['read', 'write', 'admin']])
})
