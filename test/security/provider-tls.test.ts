import { readFileSync } from 'node:fs'
import { createServer } from 'node:https'
import { resolve } from 'node:path'
import t from 'tap'
import { z } from 'zod'
import { createUpstream } from '../../src/providers/upstream/client.ts'

const fixture = (name: string): Buffer =>
  readFileSync(resolve(import.meta.dirname, '../storage/fixtures', name))

t.test('a provider whose certificate nobody vouches for is told nothing', async (t) => {
  let requests = 0
  const server = createServer(
    { cert: fixture('localhost.crt'), key: fixture('localhost.key') },
    (_request, response) => {
      requests += 1
      response.end('{}')
    },
  )
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  t.teardown(() => server.close())
  const { port } = z.object({ port: z.number() }).parse(server.address())
  const upstream = createUpstream({ timeoutMs: 10_000, maxBytes: 1000, now: Date.now })
  t.teardown(() => upstream.close())
  const url = new URL(`https://localhost:${port}/?apiKey=canary`)
  await t.rejects(upstream.get(url, new AbortController().signal), {
    outcome: 'unreachable',
    message: 'the connection failed or broke off',
  })
  t.equal(requests, 0)
})
