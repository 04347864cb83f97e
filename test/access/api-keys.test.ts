import t from 'tap'
import { allows, apiKeysFault, apiKeysOf, findKey, SCOPES } from '../../src/access/api-keys.ts'

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
    t.equal(apiKeysFault(list), null, list)
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
    const told = apiKeysFault(list)
    if (fault === null) t.equal(told, null, list)
    else t.match(told, fault, list)
    t.notMatch(told, 'canary', list)
  }
})

t.test('what is no key is left out of the list', async (t) => {
  t.strictSame(apiKeysOf(`ops:admin:${SECRET}, nonsense, dash:read:a:b`), [
    { name: 'ops', scope: 'admin', secret: SECRET },
    { name: 'dash', scope: 'read', secret: 'a:b' },
  ])
  t.strictSame(apiKeysOf(''), [])
})

t.test('a key is found by its whole secret only', async (t) => {
  const keys = apiKeysOf(`dash:read:${SECRET},ops:admin:${OTHER}`)
  t.equal(findKey(keys, SECRET)?.name, 'dash')
  t.equal(findKey(keys, OTHER)?.name, 'ops')
  for (const wrong of ['', 'canary', `${SECRET} `, SECRET.slice(1), SECRET.toUpperCase(), 'ops'])
    t.equal(findKey(keys, wrong), undefined, `"${wrong}"`)
  t.equal(findKey([], SECRET), undefined)
})

t.test('a key allows its scope and those before it', async (t) => {
  const allowed = SCOPES.map((scope) =>
    SCOPES.filter((needed) => allows({ name: 'a', scope, secret: SECRET }, needed)),
  )
  t.strictSame(allowed, [['read'], ['read', 'write'], ['read', 'write', 'admin']])
})
