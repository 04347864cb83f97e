import crypto from 'node:crypto'
import { syncBuiltinESMExports } from 'node:module'
import { pino } from 'pino'
import t from 'tap'
import { HeldKeys } from '../../src/access/held-keys.ts'
import { hashOfKey, newKey } from '../../src/access/issued-key.ts'
import { ListedKeys } from '../../src/access/listed-keys.ts'
import { Secret } from '../../src/secret.ts'

const PEPPER = 'pepper-of-the-tests-0123456789abcdef'
const NOW = Date.parse('2026-11-18T06:00:00Z')

/** How many comparisons in constant time some work makes. */
async function comparisonsOf(work: () => unknown): Promise<number> {
  const { timingSafeEqual } = crypto
  let count = 0
  crypto.timingSafeEqual = (a, b) => {
    count += 1
    return timingSafeEqual(a, b)
  }
  syncBuiltinESMExports()
  try {
    await work()
  } finally {
    crypto.timingSafeEqual = timingSafeEqual
    syncBuiltinESMExports()
  }
  return count
}

t.test('looking for a listed key compares it with every one, found or not', async (t) => {
  const names = ['first', 'second', 'third']
  const list = names.map((name) => `${name}:read:secret-of-the-${name}`).join(',')
  const keys = new ListedKeys(Secret.of(list), pino({ level: 'silent' }))
  for (const secret of [
    ...names.map((name) => `secret-of-the-${name}`),
    'nobody',
    '',
    'x'.repeat(9999),
  ])
    t.equal(await comparisonsOf(() => keys.find(secret)), names.length, secret.slice(0, 20))
  t.equal((await keys.find('secret-of-the-second'))?.id, 'second')
})

t.test(
  'looking for an issued key compares one hash, whether there is such a key or not',
  async (t) => {
    const [known, unknown, expired] = [newKey(), newKey(), newKey()]
    const keys = new HeldKeys()
    const kept = ({ id, key }: typeof known, expiresMs: number | null) => ({
      id,
      name: 'of the tests',
      scope: 'read' as const,
      hash: hashOfKey(key, PEPPER),
      limits: { perMinute: null, perHour: null },
      createdMs: 0,
      expiresMs,
      lastUsedMs: null,
    })
    keys.hold([kept(known, null), kept(expired, NOW)], PEPPER)
    const wrong = `${known.key.slice(0, -1)}${known.key.endsWith('A') ? 'B' : 'A'}`
    for (const secret of [known.key, wrong, unknown.key, expired.key, 'nobody'])
      t.equal(await comparisonsOf(() => keys.find(secret, NOW)), 1, secret.slice(0, 24))
    t.equal(keys.find(known.key, NOW)?.id, known.id)
    for (const secret of [wrong, unknown.key, expired.key])
      t.equal(keys.find(secret, NOW), undefined)
  },
)
