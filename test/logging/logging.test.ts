import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { ConfigError } from '../../src/config/faults.ts'
import { createLog } from '../../src/logging/log.ts'
import { type LogConfig, openLog } from '../../src/logging/open-log.ts'
import { scrub } from '../../src/logging/scrub.ts'
import { newFolder } from '../helpers/databases.ts'

const KEY = `ayalon_0123456789abcdef_${'s'.repeat(43)}`

t.test('what may be a secret is taken out of a text', async (t) => {
  const texts: readonly (readonly [string, string])[] = [
    [
      'GET https://x.test/v7/flow?apiKey=abc&in=circle failed',
      'GET https://x.test/v7/flow?[REDACTED] failed',
    ],
    ['see https://x.test/a?abc.', 'see https://x.test/a?[REDACTED]'],
    ['see https://x.test/a#abc', 'see https://x.test/a?[REDACTED]'],
    ['no route /v1/traffic?key=abc', 'no route /v1/traffic?[REDACTED]'],
    ['redis://me:pass@host:6379 is away', 'redis://[REDACTED]@host:6379 is away'],
    ['Authorization: Bearer abc.def', 'Authorization: [REDACTED] [REDACTED]'],
    ['sent bearer abc', 'sent bearer [REDACTED]'],
    [`the key ${KEY} is wrong`, 'the key ayalon_0123456789abcdef_[REDACTED] is wrong'],
    ['X-API-Key: abc', 'X-API-Key: [REDACTED]'],
    ['password=abc&user=me', 'password=[REDACTED]&user=me'],
    [
      '{"x-api-key":"a\\"b, c","cookie":"d","id":1}',
      '{"x-api-key":"[REDACTED]","cookie":"[REDACTED]","id":1}',
    ],
    ['{\\"token\\":\\"abc\\",\\"id\\":1}', '{\\"token\\":\\"[REDACTED]\\",\\"id\\":1}'],
  ]
  for (const [text, clean] of texts) t.equal(scrub(text), clean)
})

t.test('what is no secret stays as it is', async (t) => {
  const texts = [
    'Server listening at http://127.0.0.1:3000',
    'is it? yes',
    '{"keyId":"tests","key":"a","password":null,"msg":"request"}',
    'mail me@example.org',
  ]
  for (const text of texts) t.equal(scrub(text), text)
})

t.test('a line of JSON stays one, whatever is in it', async (t) => {
  const parts = [
    '?',
    '=',
    'https://',
    '@',
    '"',
    '\\',
    'token',
    ': ',
    'bearer ',
    '#',
    '\n',
    KEY,
    ' ',
  ]
  const texts = fc.array(fc.oneof(fc.constantFrom(...parts), fc.string()), { maxLength: 20 })
  fc.assert(
    fc.property(texts, fc.json(), (some, json) => {
      const line = JSON.stringify({ text: some.join(''), json, token: 1, [some.join('')]: true })
      JSON.parse(scrub(line))
    }),
  )
  t.pass()
})

/** What is logged of a thrown thing. */
function errOf(thrown: unknown) {
  const lines: string[] = []
  createLog('info', { write: (line) => lines.push(line) }).error({ err: thrown }, 'broke')
  return { line: lines.join(''), err: JSON.parse(lines.join('')).err }
}

t.test(
  'an error is told with its stack, code and causes, but without its own properties',
  async (t) => {
    const cause = new AggregateError([new Error('one'), 'two'], 'both failed')
    const error = Object.assign(new TypeError('it broke', { cause }), {
      code: 'EBROKE',
      options: { headers: { authorization: 'canary' } },
      row: ['canary'],
    })
    const { line, err } = errOf(error)
    t.equal(err.type, 'TypeError')
    t.equal(err.message, 'it broke')
    t.match(err.stack, /TypeError: it broke\n +at /)
    t.equal(err.code, 'EBROKE')
    t.equal(err.cause.message, 'both failed')
    t.strictSame(
      err.cause.errors.map(({ type, message }: Record<string, unknown>) => [type, message]),
      [
        ['Error', 'one'],
        ['string', 'two'],
      ],
    )
    t.notMatch(line, /canary/)
    t.equal(errOf(Object.assign(new Error('x'), { code: 7 })).err.code, '7')
  },
)

t.test('what is thrown without being an error is told without what it holds', async (t) => {
  t.strictSame(errOf({ headers: 'canary' }).err, { type: 'object', message: '' })
  t.strictSame(errOf('at https://x.test/?key=canary').err, {
    type: 'string',
    message: 'at https://x.test/?[REDACTED]',
  })
})

t.test('an error that is its own cause is told to a depth', async (t) => {
  const error = new Error('round and round')
  error.cause = error
  const { line } = errOf(error)
  t.equal(line.split('"message":"round and round"').length - 1, 5)
})

const DEFAULTS: LogConfig = {
  LOG_LEVEL: 'info',
  LOG_FORMAT: undefined,
  LOG_FILE: undefined,
  LOG_FILE_MAX_MB: 100,
  LOG_FILE_KEEP: 14,
}

/** Everything that a log of a configuration wrote. */
async function written(t: Test, config: Partial<LogConfig>, isTerminal: boolean): Promise<string> {
  let text = ''
  const log = await openLog(
    { ...DEFAULTS, ...config },
    {
      out: { write: (line) => (text += line) },
      isTerminal,
      warn: (line) => t.fail(line),
      now: Date.now,
    },
  )
  log.info({ corridor: 'ayalon' }, 'said')
  log.debug('whispered')
  return text
}

t.test('people at a terminal get it pretty and in colour, programs as JSON', async (t) => {
  const pretty = await written(t, {}, true)
  t.notMatch(pretty, /^\{/)
  t.not(stripVTControlCharacters(pretty), pretty)
  t.match(stripVTControlCharacters(pretty), /INFO.*: said\n +corridor: "ayalon"\n$/)
  t.match(JSON.parse(await written(t, {}, false)), { level: 30, msg: 'said', corridor: 'ayalon' })
})

t.test('the format can be chosen', async (t) => {
  t.match(JSON.parse(await written(t, { LOG_FORMAT: 'json' }, true)), { msg: 'said' })
  const pretty = await written(t, { LOG_FORMAT: 'pretty' }, false)
  t.match(pretty, /INFO.*: said\n/)
  t.equal(stripVTControlCharacters(pretty), pretty, 'without colours, where there is no terminal')
})

t.test('the level can be chosen', async (t) => {
  t.equal(await written(t, { LOG_LEVEL: 'silent' }, false), '')
  t.equal((await written(t, { LOG_LEVEL: 'trace' }, false)).split('\n').length - 1, 2)
})

t.test('no secret is in a line, pretty or not', async (t) => {
  for (const format of ['pretty', 'json'] as const) {
    const path = join(newFolder(t), 'app.log')
    let text = ''
    const log = await openLog(
      { ...DEFAULTS, LOG_LEVEL: 'trace', LOG_FORMAT: format, LOG_FILE: path },
      {
        out: { write: (line) => (text += line) },
        isTerminal: false,
        warn: (line) => t.fail(line),
        now: Date.now,
      },
    )
    const url = 'https://x.test/v7?apiKey=canary'
    const err = new Error(`GET ${url}`, { cause: new Error(`redirected to ${url}`) })
    log.trace({ err, detail: `Bearer canary`, nested: { url } }, `asked ${url}`)
    t.match(text, /asked https:\/\/x\.test\/v7/)
    t.notMatch(text, /canary/)
    t.notMatch(readFileSync(path, 'utf8'), /canary/)
  }
})

t.test('the file gets JSON, whatever people get', async (t) => {
  const path = join(newFolder(t), 'app.log')
  const pretty = await written(t, { LOG_FORMAT: 'pretty', LOG_FILE: path }, false)
  t.notMatch(pretty, /^\{/)
  t.match(JSON.parse(readFileSync(path, 'utf8')), { msg: 'said', corridor: 'ayalon' })
})

t.test('a log file that cannot be written is a fault of the configuration', async (t) => {
  const path = join(newFolder(t), 'missing', 'app.log')
  await t.rejects(written(t, { LOG_FILE: path }, false), ConfigError)
  await t.rejects(written(t, { LOG_FILE: path }, false), /^LOG_FILE: cannot be written: .*ENOENT/)
})
