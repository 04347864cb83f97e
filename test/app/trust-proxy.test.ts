import t, { type Test } from 'tap'
import { buildApp } from '../helpers/build-app.ts'

/**
 * Asks twice, where one request a minute is allowed, over a real connection, which comes from
 * 127.0.0.1. True when the second counts for somebody else than the first.
 */
async function areTwo(
  t: Test,
  proxies: number | string[] | undefined,
  first: string,
  second: string,
): Promise<boolean> {
  const config = { RATE_LIMIT_PER_MINUTE: 1 }
  const { server } = await buildApp(t, { config, server: { TRUST_PROXY: proxies } })
  const origin = await server.listen({ port: 0, host: '127.0.0.1' })
  const ask = async (from: string): Promise<number> => {
    const answer = await fetch(`${origin}/v1/traffic`, { headers: { 'x-forwarded-for': from } })
    await answer.body?.cancel()
    return answer.status
  }
  t.equal(await ask(first), 200)
  const status = await ask(second)
  t.ok(status === 200 || status === 429)
  return status === 200
}

t.test('without a proxy, what a client says of its address buys nothing', async (t) => {
  t.notOk(await areTwo(t, undefined, '192.0.2.1', '192.0.2.2'))
})

t.test('behind one proxy, what the proxy added counts', async (t) => {
  t.ok(await areTwo(t, 1, '192.0.2.1', '192.0.2.2'), 'two clients')
  t.notOk(await areTwo(t, 1, '198.51.100.1, 192.0.2.1', '198.51.100.2, 192.0.2.1'), 'one that lies')
})

t.test('behind two, what the outer one added', async (t) => {
  t.ok(await areTwo(t, 2, '192.0.2.1, 10.0.0.1', '192.0.2.2, 10.0.0.1'), 'two clients')
  t.notOk(
    await areTwo(t, 2, '198.51.100.1, 192.0.2.1, 10.0.0.1', '198.51.100.2, 192.0.2.1, 10.0.0.1'),
    'one that lies',
  )
  t.notOk(await areTwo(t, 2, '192.0.2.1, 10.0.0.1', '192.0.2.1, 10.0.0.2'), 'by two inner proxies')
})

t.test('with networks, the last address that is in none', async (t) => {
  const trusted = ['127.0.0.0/8', '10.0.0.0/8']
  t.ok(await areTwo(t, trusted, '192.0.2.1', '192.0.2.2'), 'two clients')
  t.ok(await areTwo(t, trusted, '192.0.2.1, 10.0.0.1', '192.0.2.2'), 'by either proxy')
  t.notOk(await areTwo(t, trusted, '192.0.2.1, 10.0.0.1', '192.0.2.1'), 'the same by both')
  t.notOk(
    await areTwo(t, trusted, '198.51.100.1, 192.0.2.1', '198.51.100.2, 192.0.2.1'),
    'one that lies',
  )
  t.notOk(await areTwo(t, trusted, '192.0.2.1, x', '192.0.2.2, y'), 'what is no address is nobody')
})

t.test('a peer outside the networks is not believed', async (t) => {
  t.notOk(await areTwo(t, ['10.0.0.0/8'], '192.0.2.1', '192.0.2.2'))
})
