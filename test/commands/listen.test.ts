import fastify from 'fastify'
import t from 'tap'
import { listen } from '../../src/commands/listen.ts'

t.test(
  'what breaks at a start for another reason than the address is not called one',
  async (t) => {
    const server = fastify()
    t.teardown(() => server.close())
    const options = { host: '127.0.0.1', log: server.log, isStopping: () => false }
    const listening = listen([{ server, port: 65_536, says: 'listening' }], options)
    await t.rejects(listening, { code: 'ERR_SOCKET_BAD_PORT' })
  },
)
