import t from 'tap'
import type { LiveProvider } from '../../src/providers/create.ts'
import { type Answer, reset, silence } from '../helpers/stand-in.ts'
import { HERE_36, HERE_72, inTurn, liveApp, POLL_MS, tomtomAt } from './fixtures/live-app.ts'

const MINUTE = 60_000
/** An hour has so many polls at least. */
const TICKS = 12
/** Retries that are allowed in an hour, whatever the number of calls. */
const RETRIES = 10
const INFO = 30

/** One kind of failure after the other, for ever. */
function alternating(...answers: readonly Answer[]): Answer {
  const rounds = Array.from({ length: 20 }, () => answers).flat()
  return inTurn({ status: 503 }, ...rounds)
}

interface Hour {
  readonly what: string
  readonly names: readonly [LiveProvider, ...LiveProvider[]]
  readonly answer: () => Answer
  /** At most so many kinds of lines tell of it, for each provider. */
  readonly kinds: number
  readonly timeoutMs?: number
}

const HOURS: readonly Hour[] = [
  { what: 'of status 503', names: ['here'], answer: () => ({ status: 503 }), kinds: 1 },
  {
    what: 'in which both providers fail',
    names: ['here', 'tomtom'],
    answer: () => ({ status: 503 }),
    kinds: 1,
  },
  {
    what: 'of one kind of failure after the other',
    names: ['here'],
    answer: () => alternating(silence, { status: 503 }, reset),
    kinds: 3,
    timeoutMs: 300,
  },
  {
    what: 'of wrong keys and broken bodies in turn',
    names: ['here'],
    answer: () => alternating({ status: 401 }, { body: '<html>' }),
    kinds: 3,
  },
]

for (const { what, names, answer, kinds, timeoutMs = 10_000 } of HOURS)
  t.test(
    `an hour ${what} costs few calls and few lines, and is over when it is over`,
    async (t) => {
      const app = await liveApp(t, { names, timeoutMs })
      const before = await app.snapshot()
      const linesBefore = app.lines.length
      const callsBefore = { here: app.here.requests.length, tomtom: app.tomtom.requests.length }
      t.strictSame(callsBefore, { here: 1, tomtom: 0 })
      app.here.answer = answer()
      app.tomtom.answer = answer()
      const ticks = new Set<number | undefined>()
      for (let minute = 1; minute <= 60; minute += 1) {
        await app.clock.advance(MINUTE)
        if (minute < 5) continue
        t.not(app.attempt()?.outcome, 'ok')
        ticks.add(app.attempt()?.atMs)
      }
      for (const name of names) {
        const sent = app[name].requests.length - callsBefore[name]
        t.ok(sent <= TICKS + RETRIES, `${name}: ${sent} calls`)
        t.ok(sent <= TICKS + 3, `${name}: ${sent} calls, few of them retries`)
      }
      const told = app.lines.slice(linesBefore).filter(({ level }) => Number(level) >= INFO)
      t.ok(told.length < ticks.size, `${told.length} lines in ${ticks.size} ticks`)
      const failures = told.filter(({ msg }) => msg === 'refresh failed')
      // Each kind is told when it is new, and the first one again after an hour.
      t.ok(failures.length >= names.length && failures.length <= (kinds + 1) * names.length)
      t.ok(told.filter(({ msg }) => msg === 'the breaker opened').length <= names.length)
      t.match((await app.snapshot()).snapshot, { id: before.snapshot.id, tier: 'lastKnownGood' })
      app.here.answer = HERE_72
      app.tomtom.answer = tomtomAt(72)
      await app.clock.advance(POLL_MS)
      await app.clock.advance(POLL_MS)
      t.match(await app.snapshot(), {
        snapshot: { tier: 'live', freshness: 'fresh', provider: 'here' },
        quality: { warnings: [] },
        directions: [{ speedKmh: 72 }, { speedKmh: 72 }],
      })
    },
  )

t.test('in the first hour of an outage 12 calls are made, ever more rarely', async (t) => {
  const app = await liveApp(t, { here: { status: 503 } })
  const callsAt: number[] = []
  for (let minute = 0; minute < 60; minute += 1) {
    for (let call = callsAt.length; call < app.here.requests.length; call += 1) callsAt.push(minute)
    await app.clock.advance(MINUTE)
  }
  t.strictSame(callsAt, [0, 0, 0, 0, 5, 10, 15, 20, 29, 38, 47, 56])
  t.equal(app.lines.filter(({ msg }) => msg === 'the breaker opened').length, 1)
  t.equal(app.lines.filter(({ msg }) => msg === 'refresh failed').length, 1)
})

t.test(
  'while a provider hangs 100 readers are answered, and no call is made for them',
  async (t) => {
    const app = await liveApp(t, { held: true })
    await app.here.asked()
    const readAll = () =>
      Promise.all(Array.from({ length: 100 }, () => app.server.inject('/v1/traffic/ayalon')))
    for (const response of await readAll())
      t.match(response.json(), { status: 503, code: 'source_unavailable', retryAfterSeconds: 5 })
    t.equal(app.here.requests.length, 1)
    app.release()
    await app.idle()
    t.equal(app.here.requests.length, 1)
    const { snapshot } = await app.snapshot()
    const release = app.here.hold()
    const asked = app.here.asked()
    app.clock.move(POLL_MS)
    await asked
    for (const response of await readAll()) {
      t.equal(response.statusCode, 200)
      t.match(response.json().snapshot, { id: snapshot.id, tier: 'live', freshness: 'fresh' })
    }
    t.equal(app.here.requests.length, 2)
    app.here.answer = HERE_36
    release()
    await app.idle()
    t.equal(app.here.requests.length, 2)
    t.equal(await app.counted('here'), 2)
  },
)
