import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import t from 'tap'

const SRC = resolve(import.meta.dirname, '../../src')

const FILES = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => ({ name, text: readFileSync(join(SRC, name), 'utf8') }))

/** Every match of a pattern in the source, with its file. */
const found = (pattern: RegExp): string[] =>
  FILES.flatMap(({ name, text }) =>
    [...text.matchAll(pattern)].map(([whole, group = whole]) => `${name}: ${group}`),
  ).toSorted()

t.test('every hash is SHA-256', async (t) => {
  const hashes = found(/\bcreate(?:Hash|Hmac)\(\s*([^,)]*)/g)
  t.ok(hashes.length >= 4, `${hashes.length} hashes`)
  for (const hash of hashes) t.match(hash, /: 'sha256'$/)
  t.strictSame(found(/\bmd5\b|\bsha-?1\b|\bcrypto\.subtle\b|\bhash\(\s*'/gi), [])
})

t.test('what must not be guessed does not come from Math.random', async (t) => {
  t.strictSame(
    found(/Math\.random/g),
    ['app.ts: Math.random', 'config/guards.ts: Math.random'],
    'the jitter of streams and of retries',
  )
  t.strictSame(found(/\brandomBytes\(([^)]*)\)/g), [
    'access/issued-key.ts: ID_BYTES',
    'access/issued-key.ts: SECRET_BYTES',
    'access/pepper.ts: 8',
    'access/pepper.ts: PEPPER_BYTES',
    'storage/backup/output.ts: 4',
  ])
})

t.test('no text becomes code, and no other program is run', async (t) => {
  t.strictSame(
    found(
      /(?<![.\w])eval\(|\bnew Function\(|from '(?:node:)?(?:child_process|vm|cluster|inspector)'/g,
    ),
    [],
  )
  t.strictSame(
    found(/\bimport\(\s*([^)]*)\)/g),
    ["commands/serve.ts: '../tracing/open-telemetry.ts'", "logging/open-log.ts: './pretty.ts'"],
    'what is loaded later has a fixed name',
  )
  t.strictSame(found(/new Worker\(([^(]*\([^)]*\))/g), [
    "storage/database/sqlite-driver.ts: new URL('./sqlite-worker.ts', import.meta.url)",
  ])
})

t.test('connections leave the process in five places, to what the operator names', async (t) => {
  const can =
    /^import \{ (?!(?:isIP|STATUS_CODES|DatabaseError) \})[^}]*\} from '((?:node:(?:https?|http2|net|tls|dgram)|undici|pg|ioredis|@opentelemetry\/exporter)[^']*)'/gm
  t.strictSame(found(can), [
    'providers/upstream/client.ts: undici',
    'providers/upstream/reachability.ts: node:net',
    'storage/database/postgres.ts: pg',
    'storage/shared/redis-client.ts: ioredis',
    'tracing/open-telemetry.ts: @opentelemetry/exporter-trace-otlp-http',
  ])
  t.strictSame(found(/(?<![.\w])fetch\(|\bnew (?:WebSocket|EventSource)\(/g), [])
})
