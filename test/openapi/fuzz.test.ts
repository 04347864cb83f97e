import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import { Ajv2020 } from 'ajv/dist/2020.js'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { Pool } from 'undici'
import { firstEvent } from '../helpers/event-stream.ts'
import { type ApiDocument, type FuzzRequest, requestsOf } from './requests.ts'

/** As many as take some seconds; the workflow that also guards releases asks for 100,000. */
const REQUESTS = Number(process.env.FUZZ_REQUESTS ?? 5000)
const AT_ONCE = 20
const MAIN = resolve(import.meta.dirname, '../../src/main.ts')
const KEYS = ['read', 'write', 'admin'].map((scope) => `canary-${scope}-0123456789abcdef`)
const WRONG = 'canary-wrong-0123456789abcdef'

/** The service by itself, so that nothing of the tests slows it down. What it writes is in the file. */
async function serving(t: Test): Promise<{ readonly address: string; readonly log: string }> {
  const dir = t.testdir()
  const log = join(dir, 'log')
  const limits = ['PER_MINUTE', 'PER_HOUR', 'WRITES_PER_MINUTE', 'IMPACT_PER_MINUTE']
  const child = spawn(process.execPath, [MAIN], {
    cwd: dir,
    env: {
      PORT: '0',
      LOG_FILE: log,
      API_KEYS: KEYS.map((key) => `${key.split('-')[1]}:${key.split('-')[1]}:${key}`).join(','),
      KEY_PEPPER: 'canary-pepper-0123456789abcdef0123456789',
      RATE_LIMIT_WRONG_KEYS_PER_MINUTE: '1000000',
      ...Object.fromEntries(limits.map((name) => [`RATE_LIMIT_${name}`, '1000000'])),
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = once(child, 'exit')
  t.teardown(() => {
    child.kill('SIGKILL')
    return ended
  })
  for await (const line of createInterface(child.stdout)) {
    const [, address] = /Server listening at (http[^"]+)/.exec(line) ?? []
    if (address === undefined) continue
    child.stdout.resume()
    return { address, log }
  }
  throw new Error('the service ended')
}

t.test(`${REQUESTS} requests from the document, valid and not, keep to it`, async (t) => {
  const document: ApiDocument = JSON.parse(
    readFileSync(new URL('../../openapi.json', import.meta.url), 'utf8'),
  )
  const { address, log } = await serving(t)
  const pool = new Pool(address, { connections: AT_ONCE })
  t.teardown(() => pool.close())
  const conforms = conformance(document)
  const statuses = new Map<number, number>()

  const send = async (request: FuzzRequest): Promise<void> => {
    const { method, url, headers, body, template } = request
    const fail = (why: string): never => {
      throw new Error(`${why}: ${JSON.stringify(request)}`)
    }
    const answer = await pool.request({ path: url, method, headers, body })
    const isStream = String(answer.headers['content-type']).startsWith('text/event-stream')
    const bytes = isStream
      ? Buffer.from(`${(await firstEvent(answer.body))?.data}`)
      : Buffer.from(await answer.body.arrayBuffer())
    const text = decoded(bytes, answer.headers['content-encoding'])
    const status = answer.statusCode
    statuses.set(status, (statuses.get(status) ?? 0) + 1)
    if (status >= 500) fail(`${status}: ${text}`)
    const fault = conforms(template, method, status, answer.headers['content-type'], text)
    if (fault !== null) fail(`${status}: ${fault}: ${text.slice(0, 500)}`)
    if (text.includes('canary')) fail(`the answer holds a secret: ${text}`)
  }

  const seeds = { known: { corridor: 'ayalon', id: '0123456789abcdef' }, keys: [...KEYS, WRONG] }
  const batches = fc.array(requestsOf(document, seeds), { minLength: AT_ONCE, maxLength: AT_ONCE })
  await fc.assert(
    fc.asyncProperty(batches, async (requests) => {
      await Promise.all(requests.map(send))
    }),
    { numRuns: REQUESTS / AT_ONCE, endOnFailure: true },
  )
  t.comment(Object.fromEntries(statuses))
  const told = readFileSync(log, 'utf8')
  t.ok(told.split('\n').length > REQUESTS / 2, 'requests are logged, but probes')
  t.notOk(told.includes('canary'), 'no secret is in the log')
  for (const status of [200, 201, 304, 400, 401, 403, 404, 406, 415])
    t.ok(statuses.has(status), `some were answered with ${status}`)
})

function decoded(bytes: Buffer, encoding: unknown): string {
  if (encoding === 'br') return brotliDecompressSync(bytes).toString()
  return (encoding === 'gzip' ? gunzipSync(bytes) : bytes).toString()
}

type Fault = string | null

/** Compares answers with what the document says of them. */
function conformance(document: ApiDocument) {
  const ajv = new Ajv2020({ strict: false, validateFormats: false })
  ajv.addSchema(document, 'api')
  return (
    template: string,
    method: string,
    status: number,
    contentType: unknown,
    text: string,
  ): Fault => {
    const own = ['paths', template, method.toLowerCase(), 'responses', String(status)]
    const found = document.paths[template]?.[method.toLowerCase()]?.responses[status]
    if (found === undefined) return 'this status is not in the document'
    const shared = found.$ref?.replace('#/components/responses/', '')
    const at = shared === undefined ? own : ['components', 'responses', shared]
    const { content = {} } =
      shared === undefined ? found : (document.components?.responses?.[shared] ?? {})
    const types = Object.keys(content)
    if (types.length === 0) return text === '' ? null : 'there should be no body'
    const type = String(contentType).replace(/;.*$/, '')
    if (!types.includes(type)) return `${type} is not in the document`
    // The data of an event, which is a snapshot.
    const schema = ['components', 'schemas', 'Snapshot']
    const isEvent = type === 'text/event-stream'
    if (!isEvent && !type.endsWith('json')) return null
    const validate = ajv.getSchema(
      `api#/${pointer(isEvent ? schema : [...at, 'content', type, 'schema'])}`,
    )
    if (validate === undefined) return 'the document has no schema for it'
    return validate(JSON.parse(text)) === true ? null : ajv.errorsText(validate.errors)
  }
}

/** A JSON Pointer as a fragment of a URL (RFC 6901, 6). */
const pointer = (parts: readonly string[]): string =>
  parts
    .map((part) => encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1')))
    .join('/')
