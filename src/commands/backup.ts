import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import pkg from '../../package.json' with { type: 'json' }
import type { Variables } from '../config/config.ts'
import { databasePlace } from '../config/database.ts'
import { loadConfig } from '../config/setup.ts'
import type { Tail } from '../storage/backup/archive.ts'
import { atOneMoment } from '../storage/backup/one-moment.ts'
import { newFile, type Output, OutputFault, toStream } from '../storage/backup/output.ts'
import { archiveOf } from '../storage/backup/write-archive.ts'
import { type Database, SQLITE_FILE } from '../storage/database/database.ts'
import { MIGRATIONS_DIR } from '../storage/database/migrations.ts'
import { isoTime } from '../views/json.ts'
import { codeOf, EX_CANTCREAT, EX_UNAVAILABLE, EX_USAGE } from './exit-codes.ts'
import type { ProcessEnds } from './stop-with-grace.ts'
import { withDatabase } from './with-database.ts'

const USAGE = 'usage: npm run backup -- FILE (- for standard output: npm run --silent backup -- -)'
const KEYS_NEED =
  'It holds hashes of API keys, which need the pepper: keep KEY_PEPPER, or key-pepper of DATA_DIR, apart from it.'

const SIGNALS = ['SIGHUP', 'SIGINT', 'SIGTERM'] as const

/** Where a command's words and bytes go, and what ends it. */
export interface BackupHost extends Pick<ProcessEnds, 'onSignal' | 'exit'> {
  readonly print: (line: string) => void
  /** Tells what must not be among the bytes. */
  readonly note: (line: string) => void
  readonly out: Writable
}

/**
 * Writes all that the database keeps into a file that `restore` takes, as it is at one moment; the
 * service may run on meanwhile. A signal ends the process at once, with 128 and the signal's number, and
 * nothing is left of the file.
 * @returns the exit code: 0 done, 64 wrong usage, 69 the database cannot be used, 73 the file cannot
 * be written, or is there already
 * @throws ConfigError when the environment is wrong
 */
export async function backUp(
  args: readonly string[],
  environment: Variables,
  { print, note, out, onSignal, exit }: BackupHost,
  now: () => number,
): Promise<number> {
  const [file = '--'] = args
  const isStream = file === '-'
  if (args.length > 1 || (file.startsWith('-') && !isStream)) {
    print(USAGE)
    return EX_USAGE
  }
  const place = databasePlace(loadConfig(environment))
  const say = isStream ? note : print
  // Opening it would make one.
  if ('dataDir' in place && !existsSync(join(place.dataDir, SQLITE_FILE))) {
    say('There is no database in the data folder.')
    return EX_UNAVAILABLE
  }
  return withDatabase(place, say, async (database) => {
    try {
      const output = isStream ? toStream(out) : await newFile(file)
      for (const signal of SIGNALS)
        onSignal(signal, () => {
          void output.drop()
          exit(codeOf(signal))
        })
      const { rows } = await write(database, output, isoTime(now()))
      const all = Object.values(rows).reduce((sum, count) => sum + count, 0)
      say(`${isStream ? 'standard output' : file}: ${all} rows`)
      if (rows.api_keys) say(KEYS_NEED)
      return 0
    } catch (error) {
      if (!(error instanceof OutputFault)) throw error
      say(`${isStream ? 'standard output' : file}: ${error.message}`)
      return EX_CANTCREAT
    }
  })
}

async function write(database: Database, output: Output, madeAt: string): Promise<Tail> {
  const { engine } = database
  try {
    const { promise, resolve } = Promise.withResolvers<Tail>()
    await atOneMoment(database, (db) =>
      pipeline(
        archiveOf(db, { service: pkg.version, engine, madeAt }, MIGRATIONS_DIR, resolve),
        createGzip(),
        async (chunks: AsyncIterable<Uint8Array>) => {
          for await (const chunk of chunks) await output.write(chunk)
        },
      ),
    )
    await output.keep()
    return await promise
  } catch (error) {
    await output.drop()
    throw error
  }
}
