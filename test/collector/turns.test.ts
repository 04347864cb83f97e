import t from 'tap'
import { AYALON } from '../../src/corridors/ayalon.ts'
import { CurrentState } from '../../src/storage/current-state.ts'
import { WEDNESDAY_8H } from '../helpers/build-app.ts'
import { collectorOf } from '../helpers/collector.ts'
import { FakeClock } from '../helpers/fake-clock.ts'
import { MemoryStore } from '../helpers/memory-store.ts'
import { answerOf, scripted } from '../helpers/providers.ts'

const good = (speedKmh: number) => () => answerOf(AYALON, speedKmh)

t.test('when the clock was set back it plans anew', async (t) => {
  const clock = new FakeClock(WEDNESDAY_8H)
  let backMs = 0
  class Store extends MemoryStore {
    override async holdLease(): Promise<boolean> {
      clock.move(-backMs)
      backMs = 0
      return true
    }
  }
  const provider = scripted('here', good(50))
  const state = new CurrentState()
  const { loop } = collectorOf({
    corridors: [AYALON],
    providers: [provider],
    state,
    clock,
    record() {},
    store: new Store(),
  })
  t.teardown(() => loop.stop())
  loop.start()
  await clock.asleep(1)
  await clock.advance(5000)
  t.equal(provider.calls, 1)
  backMs = 24 * 3_600_000
  await clock.advance(5000)
  t.equal(provider.calls, 2)
  t.equal(state.nextPollAtMs, clock.now() + 300_000, 'not a day later')
})

t.test('the pace ahead is that of the plan', async (t) => {
  const clock = new FakeClock(WEDNESDAY_8H)
  const collector = collectorOf({
    corridors: [AYALON],
    providers: [scripted('here', good(50))],
    state: new CurrentState(),
    clock,
    record() {},
  })
  const pace = await collector.paceAhead()
  t.strictSame(pace[0], { atMs: WEDNESDAY_8H, intervalSeconds: 300 })
  t.equal(pace.length, 24)
})

t.test('a fault in collecting itself is logged, and the loop goes on', async (t) => {
  const provider = scripted('here', good(50))
  const clock = new FakeClock(WEDNESDAY_8H)
  const state = new CurrentState()
  const lines: Record<string, unknown>[] = []
  let faults = 1
  const record = (): void => {
    faults -= 1
    if (faults >= 0) throw new TypeError('a bug')
  }
  const { loop, counts } = collectorOf({
    corridors: [AYALON],
    providers: [provider],
    state,
    clock,
    record,
    lines,
  })
  t.teardown(() => loop.stop())
  loop.start()
  await clock.asleep(1)
  t.match(
    lines.filter(({ msg }) => msg === 'collecting broke'),
    [{ level: 50, err: { message: 'a bug' } }],
  )
  t.equal(state.of('ayalon').snapshot, null)
  await clock.advance(5000)
  t.equal(state.of('ayalon').attempt?.outcome, 'ok')
  t.strictSame(counts.of('here'), { ok: 2 }, 'every asking is counted')
})
