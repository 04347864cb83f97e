import { open } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import type { Variables } from '../config/config.ts'
import { loadSetup } from '../config/setup.ts'
import { type ImportedTotals, importTotals } from '../storage/totals/import-totals.ts'
import { keptFromMs } from '../storage/totals/recompute.ts'
import { CSV_HEADER } from '../views/totals-csv.ts'
import { EX_DATAERR, EX_NOINPUT, EX_USAGE } from './exit-codes.ts'
import { type ImportContext, importLine, LineFault } from './import-line.ts'
import { withConnection } from './with-connection.ts'

const USAGE = "usage: npm run import -- FILE (the CSV of a corridor's history)"
/** How many broken lines one run names. */
const MOST_FAULTS = 20

/**
 * Takes totals that another installation gave as CSV into the database, all of a file or nothing.
 * @returns the exit code: 0 done, 64 wrong usage, 65 a broken line, 66 no such file, 69 the
 * database cannot be used
 * @throws ConfigError when the environment is wrong
 */
export async function importFile(
  args: readonly string[],
  environment: Variables,
  print: (line: string) => void,
  now: () => number,
): Promise<number> {
  const [file] = args
  if (file === undefined || args.length > 1) {
    print(USAGE)
    return EX_USAGE
  }
  const setup = loadSetup(environment)
  const { RETENTION_DAYS } = setup.config
  const nowMs = now()
  const context: ImportContext = {
    corridors: setup.corridors,
    nowMs,
    keptFromMs: ({ timeZone }) => keptFromMs(nowMs, RETENTION_DAYS, timeZone),
  }
  const content = await readTotals(file, context)
  if (content === null) {
    print(`${file}: cannot be read`)
    return EX_NOINPUT
  }
  const { totals, empty, faults } = content
  if (faults.size > 0) {
    for (const [line, fault] of [...faults].slice(0, MOST_FAULTS))
      print(`${file}: line ${line}: ${fault}`)
    print(`nothing was imported; broken lines: ${faults.size}`)
    return EX_DATAERR
  }
  return withConnection(setup, print, async (connection) => {
    const changed = await connection.use(({ write }) => importTotals(write, totals))
    const same = totals.length - changed
    print(`${changed} buckets imported, ${same} were there already, ${empty} have no data`)
    return 0
  })
}

interface Content {
  readonly totals: readonly ImportedTotals[]
  /** Lines of buckets of which nothing was measured. */
  readonly empty: number
  /** By number of line. */
  readonly faults: ReadonlyMap<number, string>
}

/** Everything in a file, and what is wrong with it by line; null where it cannot be read. */
async function readTotals(file: string, context: ImportContext): Promise<Content | null> {
  const handle = await open(file).catch(() => null)
  if (handle === null) return null
  const totals: ImportedTotals[] = []
  const faults = new Map<number, string>()
  let empty = 0
  let number = 0
  let end = ''
  const input = handle.createReadStream({ encoding: 'utf8' })
  input.on('data', (chunk) => {
    end = chunk.toString().slice(-1)
  })
  try {
    for await (const text of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
      number += 1
      // Spreadsheets put a mark before the first character.
      const line = number === 1 ? text.replace(/^\uFEFF/, '') : text
      if (number === 1) {
        if (line !== CSV_HEADER) faults.set(number, 'is not the header of a history download')
      } else if (line !== '') {
        const read = readLine(line, context)
        if (read instanceof LineFault) faults.set(number, read.message)
        else if (read === null) empty += 1
        else totals.push(read)
      }
    }
  } catch (error) {
    if (!(error instanceof Error && 'syscall' in error)) throw error
    return null
  }
  if (number === 0) faults.set(1, 'is missing')
  // A number that lost its last digits is still a number.
  else if (end !== '\n') faults.set(number, 'is cut off: no line break follows it')
  return { totals, empty, faults }
}

function readLine(line: string, context: ImportContext): ImportedTotals | LineFault | null {
  try {
    return importLine(line, context)
  } catch (error) {
    if (error instanceof LineFault) return error
    throw error
  }
}
