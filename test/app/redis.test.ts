import t from 'tap'
import { Secret } from '../../src/secret.ts'
import { buildApp } from '../helpers/build-app.ts'
import { noOwnRedis, startOwnRedis } from '../helpers/redis.ts'
import { healthOf, poll, steadyRoad } from './fixtures/memory.ts'

t.test(
  'the health report says how Redis is, also when it goes and comes back',
  {
    skip: noOwnRedis(),
  },
  async (t) => {
    const own = await startOwnRedis()
    t.teardown(() => own.stop())
    const app = await buildApp(t, { ...steadyRoad(), redis: Secret.of(own.url) })
    t.match(await healthOf(app), { checks: { redis: { status: 'ok', detail: null } } })
    await own.own.kill()
    await poll(app, 1)
    t.match(await healthOf(app), {
      status: 'degraded',
      checks: { redis: { status: 'error', detail: 'Redis cannot be reached' } },
    })
    await own.own.start()
    while ((await healthOf(app)).checks.redis.status !== 'ok') await poll(app, 1)
    t.equal((await app.server.inject('/health/live')).statusCode, 200)
  },
)
