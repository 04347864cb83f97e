import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import t from 'tap'
import { z } from 'zod'
import { Secret } from '../../src/secret.ts'
import { buildApp } from '../helpers/build-app.ts'

const ADMIN = 'canary-admin-0123456789'
const KEYS = { API_KEYS: Secret.of(`keeper:admin:${ADMIN}`) }
const JSON_TYPE = { 'content-type': 'application/json' }

const input = z.object({
  parameters: z.array(z.unknown()).default([]),
  requestBody: z.unknown().optional(),
})
const { paths, components } = z
  .object({
    paths: z.record(z.string(), z.record(z.string(), input)),
    components: z.object({ schemas: z.record(z.string(), z.unknown()) }),
  })
  .parse(JSON.parse(readFileSync(resolve(import.meta.dirname, '../../openapi.json'), 'utf8')))

t.test('no input of a client is an address that the service would call', async (t) => {
  const operations = Object.values(paths).flatMap((path) => Object.values(path))
  t.ok(operations.length >= 15, `${operations.length} operations`)
  const inputs = JSON.stringify(
    operations.map(({ parameters, requestBody }) => [parameters, requestBody]),
  )
  const refs = [...inputs.matchAll(/#\/components\/schemas\/(\w+)/g)].map(([, name = '']) => name)
  for (const text of [inputs, ...refs.map((name) => JSON.stringify(components.schemas[name]))]) {
    t.notMatch(text, /"format":"(uri|url|hostname|ipv4|ipv6)/)
    t.notMatch(text, /"(?:name":")?\w*(?:url|uri|host|webhook|callback|endpoint)\w*"/i)
  }
})

t.test('names that objects have by nature change no object and reach nothing', async (t) => {
  const { server } = await buildApp(t, { config: KEYS })
  const section = '"id":"a","lengthKm":1,"lanes":2,"speedKmh":20,"freeFlowKmh":90,"limitKmh":90'
  const evil = ['"__proto__":{"polluted":1}', '"constructor":{"prototype":{"polluted":1}}']
  for (const one of evil) {
    for (const payload of [
      `{"sections":[{${section}}],${one}}`,
      `{"sections":[{${section},${one}}]}`,
      `{"sections":[{${section}}],"fleet":{${one},"petrolCar":1}}`,
    ]) {
      const { statusCode } = await server.inject({
        method: 'POST',
        url: '/v1/impact',
        headers: JSON_TYPE,
        payload,
      })
      t.equal(statusCode, 400, payload.slice(-60))
    }
    const headers = { ...JSON_TYPE, 'x-api-key': ADMIN }
    const payload = `{"name":"a","scope":"read",${one}}`
    t.equal(
      (await server.inject({ method: 'POST', url: '/v1/keys', headers, payload })).statusCode,
      400,
    )
  }
  for (const query of ['__proto__[polluted]=1', 'constructor.prototype.polluted=1', '__proto__=1'])
    t.equal((await server.inject(`/v1/traffic/ayalon?${query}`)).statusCode, 400, query)
  t.equal(Reflect.get({}, 'polluted'), undefined)
})

t.test('a key takes its scope from who made it, not from who shows it', async (t) => {
  const { server } = await buildApp(t, { config: KEYS })
  const make = (order: object) =>
    server.inject({
      method: 'POST',
      url: '/v1/keys',
      headers: { 'x-api-key': ADMIN },
      payload: { name: 'screen', scope: 'read', ...order },
    })
  for (const more of [
    { id: '0000000000000000' },
    { hash: 'a' },
    { createdAt: '2026-01-01T00:00:00Z' },
    { source: 'environment' },
  ])
    t.equal((await make(more)).statusCode, 400, JSON.stringify(more))
  const { key } = z.object({ key: z.string() }).parse((await make({})).json())
  const asAdmin = { 'x-api-key': key, 'x-scope': 'admin', 'x-user-id': 'keeper' }
  t.equal((await server.inject({ url: '/v1/keys?scope=admin', headers: asAdmin })).statusCode, 403)
})

t.test('no text of a client makes a line of the log, or a field of one', async (t) => {
  const { server, lines } = await buildApp(t, { config: KEYS })
  lines.length = 0
  const forged = '\r\n{"level":30,"msg":"canary","keyId":"keeper"}'
  const inUrl = encodeURIComponent(forged)
  const requests = [
    { url: `/v1/traffic/${inUrl}` },
    { url: `/v1/traffic/ayalon?reference=${inUrl}` },
    { url: `/${inUrl}` },
    { url: '/v1/traffic', headers: { 'x-request-id': forged, 'user-agent': forged } },
    { url: '/v1/traffic', headers: { 'x-api-key': forged, traceparent: forged } },
    { url: '/v1/traffic', headers: { 'x-forwarded-for': forged, host: forged } },
    { url: '/v1/impact', method: 'POST', headers: JSON_TYPE, payload: forged },
    {
      url: '/v1/impact',
      method: 'POST',
      headers: JSON_TYPE,
      payload: JSON.stringify({ [forged]: forged }),
    },
  ] as const
  for (const request of requests) await server.inject(request)
  const told = lines.filter(({ msg }) => msg === 'request')
  t.equal(told.length, requests.length, 'a line a request')
  t.notMatch(JSON.stringify(lines), /canary/)
})
