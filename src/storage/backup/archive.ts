import { z } from 'zod'
import type { Column } from './columns.ts'

/*
 * A backup is a gzip of lines of JSON: a head; of each table its name and columns, then its rows, an
 * array each; and a tail, by which a file that is cut off or altered is found.
 */

const FORMAT = 'ayalon-congestion-impact backup'
/** Of the form of the archive; a reader refuses a later one. */
const FORMAT_VERSION = 1

/** Who made the archive, when, and of what. */
const headSchema = z.object({
  format: z.literal(FORMAT),
  formatVersion: z.int(),
  /** Version of the service that made it. */
  service: z.string(),
  /** The last migration that was applied. */
  schema: z.string(),
  engine: z.enum(['sqlite', 'postgres']),
  madeAt: z.string(),
})
export type Head = z.infer<typeof headSchema>

const tableSchema = z.object({ table: z.string(), columns: z.array(z.string()) })
export type TableLine = z.infer<typeof tableSchema>

const tailSchema = z.object({
  /** By table. */
  rows: z.record(z.string(), z.int()),
  /** Of all that comes before the tail, in hexadecimal digits. */
  sha256: z.string(),
})
export type Tail = z.infer<typeof tailSchema>

const rowSchema = z.array(z.union([z.string(), z.number(), z.null()]))
export type Row = z.infer<typeof rowSchema>

/** The archive cannot be used; the message says why, and follows the name of the file. */
export class ArchiveFault extends Error {
  override readonly name = 'ArchiveFault'
}

export const FOREIGN = 'is not a backup of this service'
export const UNPACKABLE = 'is damaged, or not a backup of this service'
export const CUT_OFF = 'is cut off: make another backup'
export const DAMAGED = 'is damaged: make another backup'

/** One line of an archive, with its line break. */
export const lineOf = (value: unknown): string => `${JSON.stringify(value)}\n`

export const newHead = (about: Omit<Head, 'format' | 'formatVersion'>): Head => ({
  format: FORMAT,
  formatVersion: FORMAT_VERSION,
  ...about,
})

/**
 * The head of an archive that this version can restore.
 * @param schemas the migrations that this version knows
 * @throws ArchiveFault
 */
export function readHead(line: string, schemas: readonly string[]): Head {
  const head = parse(line, headSchema, FOREIGN)
  const { formatVersion, schema, service } = head
  if (formatVersion > FORMAT_VERSION || !schemas.includes(schema))
    throw new ArchiveFault(`was made by another version of this service (${service}, ${schema})`)
  return head
}

/** @throws ArchiveFault where it is neither */
export const readTableOrTail = (line: string): TableLine | Tail =>
  parse(line, z.union([tableSchema, tailSchema]), DAMAGED)

/** @throws ArchiveFault where it is not a row of these columns; SQLite would take text for a number */
export function readRow(line: string, columns: readonly Column[]): Row {
  const row = parse(line, rowSchema, DAMAGED)
  const fits = columns.every(({ kind }, at) => row[at] === null || typeof row[at] === kind)
  if (!fits || row.length !== columns.length) throw new ArchiveFault(DAMAGED)
  return row
}

function parse<T>(line: string, schema: z.ZodType<T>, fault: string): T {
  try {
    return schema.parse(JSON.parse(line))
  } catch {
    throw new ArchiveFault(fault)
  }
}
