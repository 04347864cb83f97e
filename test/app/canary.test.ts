import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import t from 'tap'
import { Secret } from '../../src/secret.ts'
import { newFolder } from '../helpers/databases.ts'
import { startService } from '../helpers/service.ts'
import type { Answer, Seen } from '../helpers/stand-in.ts'
import { standIn } from '../helpers/stand-in.ts'
import { inTurn, type LiveApp, liveApp, PATH, POLL_MS } from './fixtures/live-app.ts'

/** A key that looks different in a URL and in JSON. */
const KEY = 'canary-key+/="0123456789'
const CANARY = /canary-key/i
const ADMIN = 'admin-secret-0123456789'

/** What a request says of its key: the URL as it came, and the key as it was meant. */
const echoOf = ({ url, headers }: Seen): string =>
  [url.href, url.search, KEY, JSON.stringify(headers)].join(' ')

/** Faults that repeat the request and its key wherever they can. */
const ECHOES: readonly Answer[] = [
  (response, seen) => response.writeHead(500).end(`<h1>No ${echoOf(seen)}</h1>`),
  (response, seen) => response.writeHead(401, { 'x-url': seen.url.href }).end(echoOf(seen)),
  (response, seen) =>
    response
      .writeHead(403, { 'www-authenticate': `Key realm="${seen.url.search}"` })
      .end(JSON.stringify({ error: echoOf(seen) })),
  (response, seen) => response.writeHead(302, { location: seen.url.href }).end(echoOf(seen)),
  (response, seen) =>
    response.writeHead(400).end(
      JSON.stringify({
        error: echoOf(seen),
        httpStatusCode: 400,
        detailedError: { message: seen.url.href },
      }),
    ),
  (response, seen) => response.writeHead(429, { 'retry-after': seen.url.search }).end(),
  (response, seen) => response.end(`<html>${echoOf(seen)}</html>`),
  (response, seen) => response.end(JSON.stringify({ [KEY]: echoOf(seen), results: [] })),
  (response, seen) =>
    response.end(JSON.stringify({ sourceUpdated: seen.url.href, results: echoOf(seen) })),
  (response, seen) => response.end(JSON.stringify({ results: [{ [seen.url.search]: KEY }] })),
  (response, seen) =>
    response.writeHead(200, { 'content-encoding': seen.url.search }).end(echoOf(seen)),
  (response, seen) => response.writeHead(200, { 'content-type': seen.url.search }).end('{}'),
  (response, seen) => void response.socket?.end(`HTTP/1.1 ${echoOf(seen)}\r\n\r\n`),
  (response, seen) =>
    void response.socket?.end(`HTTP/1.1 200 ${KEY}\r\n${seen.url.search}\r\n\r\n`),
]

/** Everything that any route says. */
async function allAnswers({ server }: LiveApp): Promise<string> {
  const paths = ['/health', '/health/ready', '/v1/traffic', PATH, `${PATH}/geojson`]
  const answers: string[] = []
  for (const path of [...paths, `${PATH}/history`, '/v1/upstream', '/v1/nothing']) {
    const { headers, body } = await server.inject({ url: path, headers: { 'x-api-key': ADMIN } })
    answers.push(JSON.stringify(headers), body)
  }
  return answers.join('\n')
}

/** The bytes of every file in a folder. */
const filesIn = (dir: string): readonly (readonly [string, string])[] =>
  readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
    .map((file) => [file, readFileSync(file, 'latin1')])

for (const name of ['here', 'tomtom'] as const)
  t.test(
    `a key that ${name} repeats in its faults is told to nobody and kept nowhere`,
    async (t) => {
      const [dataDir, recordDir] = [newFolder(t), newFolder(t)]
      const app = await liveApp(t, {
        names: [name],
        key: KEY,
        recordDir,
        config: { DATA_DIR: dataDir, API_KEYS: Secret.of(`tests:admin:${ADMIN}`) },
      })
      t.match((await app.snapshot()).snapshot, { tier: 'live', provider: name })
      for (const echo of ECHOES) {
        app[name].answer = name === 'here' ? echo : inTurn({ body: '{}' }, echo)
        // Long enough for a breaker that opened.
        await app.clock.advance(2 * POLL_MS)
        t.not(app.attempt()?.outcome, 'internalError')
        t.notMatch(await allAnswers(app), CANARY)
      }
      t.ok(app[name].requests.length > ECHOES.length)
      for (const { url } of app[name].requests)
        t.equal(url.searchParams.get(name === 'here' ? 'apiKey' : 'key'), KEY, 'the key was sent')
      await app.storage.recorder.settled()
      const bodies = await app.storage.connection.use(({ write }) =>
        write.selectFrom('raw_bodies').selectAll().execute(),
      )
      const kept = bodies.map((row) =>
        gunzipSync(Buffer.from(row.gzip_base64, 'base64')).toString(),
      )
      t.ok(
        kept.some((body) => body.includes('[REDACTED]')),
        'what repeats the key is kept without',
      )
      t.notMatch(kept.join('\n'), CANARY)
      await app.server.close()
      t.notMatch(JSON.stringify(app.lines), CANARY)
      const recorded = filesIn(recordDir)
      t.ok(recorded.some(([, bytes]) => bytes.includes('[REDACTED]')))
      for (const [file, bytes] of [...recorded, ...filesIn(dataDir)])
        t.notMatch(bytes, CANARY, file)
    },
  )

/** Ways in which a process can break down, how it ends, and whether it leaves a report. */
const CRASHES = [
  ['by an exception that nobody expects', "throw new Error('crash on demand')", 1, 0],
  [
    'for want of memory',
    'for (const full = []; ; ) full.push(Array(1e5).fill(full.length))',
    null,
    1,
  ],
] as const

for (const [how, crash, exitCode, reportsLeft] of CRASHES)
  t.test(`a process that ends ${how} leaves no key that it has from a file`, async (t) => {
    const dir = t.testdir({
      secrets: { here: KEY },
      reports: {},
      'crash.mjs': `process.on('SIGUSR2', () => { ${crash} })`,
    })
    const upstream = await standIn(t, (response, seen) =>
      response.end(JSON.stringify({ echo: echoOf(seen), results: [] })),
    )
    const service = await startService(t, {
      NODE_OPTIONS: [
        process.env.NODE_OPTIONS ?? '',
        `--import=${join(dir, 'crash.mjs')}`,
        '--max-old-space-size=100',
        '--report-uncaught-exception',
        '--report-on-fatalerror',
        `--report-directory=${join(dir, 'reports')}`,
      ].join(' '),
      TRAFFIC_PROVIDERS: 'here',
      HERE_API_KEY_FILE: join(dir, 'secrets', 'here'),
      HERE_BASE_URL: upstream.baseUrl.href,
      DATA_DIR: join(dir, 'data'),
      RECORD_DIR: join(dir, 'recorded'),
    })
    t.equal(upstream.requests[0]?.url.searchParams.get('apiKey'), KEY, 'the key was sent')
    const answers = await Promise.all(
      [PATH, '/health'].map(async (path) => (await fetch(`${service.url}${path}`)).text()),
    )
    service.process.kill('SIGUSR2')
    t.equal(await service.exited, exitCode)
    const reports = filesIn(join(dir, 'reports'))
    t.equal(reports.length, reportsLeft)
    for (const [, bytes] of reports) t.match(bytes, /HERE_API_KEY_FILE/, 'it tells the environment')
    t.notMatch([service.output(), ...answers].join('\n'), CANARY)
    for (const part of ['reports', 'data', 'recorded'])
      for (const [file, bytes] of filesIn(join(dir, part))) t.notMatch(bytes, CANARY, file)
  })
