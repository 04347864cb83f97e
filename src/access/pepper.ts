import { randomBytes } from 'node:crypto'
import { link, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { makeFolder } from '../make-folder.ts'
import type { Secret } from '../secret.ts'
import { pepperFault } from './issued-key.ts'

/** The pepper cannot be used now. The message is in our own words and holds no secret. */
export class NoPepper extends Error {
  override readonly name = 'NoPepper'
}

/** The secret without which the hashes of keys are worth nothing. */
export interface Pepper {
  /** @throws NoPepper where there is none, or none that can be used */
  read(): Promise<string>
  /**
   * The same; makes one first where there should be one.
   * @throws NoPepper where none can be read or made
   */
  readOrMake(): Promise<string>
}

/** What decides where the pepper is. */
export interface PepperConfig {
  /** Null: none is configured. */
  readonly KEY_PEPPER: Secret | null
  /** Null: the database is embedded. */
  readonly DATABASE_URL: Secret | null
  readonly DATA_DIR: string
}

/**
 * The pepper for a new key. A new one is made only where there is no key yet: in place of one that
 * was lost it would end them all for good.
 * @throws NoPepper
 */
export const pepperFor = (pepper: Pepper, keys: readonly unknown[]): Promise<string> =>
  keys.length === 0 ? pepper.readOrMake() : pepper.read()

/** Name of the pepper in the data folder. */
export const PEPPER_FILE = 'key-pepper'
const PEPPER_BYTES = 32

/**
 * The pepper that is configured, or that of the embedded database, which is made when it is first
 * needed. Null where a server has the database: every process must then be given the same.
 */
export function pepperOf(config: PepperConfig): Pepper | null {
  if (config.KEY_PEPPER !== null) return configuredPepper(config.KEY_PEPPER)
  return config.DATABASE_URL === null ? ownPepper(join(config.DATA_DIR, PEPPER_FILE)) : null
}

function configuredPepper(secret: Secret): Pepper {
  const read = async () => usable('KEY_PEPPER', await secret.reveal())
  return { read, readOrMake: read }
}

function ownPepper(file: string): Pepper {
  const read = async () => {
    const pepper = await inOurWords(readFile(file, 'utf8'))
    return usable(`the file ${PEPPER_FILE} in the data folder`, pepper)
  }
  return {
    read,
    async readOrMake() {
      await inOurWords(make(file))
      return read()
    },
  }
}

function usable(where: string, pepper: string): string {
  const fault = pepperFault(pepper)
  if (fault !== null) throw new NoPepper(`${where} ${fault}`)
  return pepper
}

/** Of several processes at once one makes the file; it is whole when it has its name. */
async function make(file: string): Promise<void> {
  await makeFolder(dirname(file))
  const random = randomBytes(PEPPER_BYTES)
  const draft = `${file}.${randomBytes(8).toString('hex')}`
  try {
    await writeFile(draft, random.toString('base64url'), { mode: 0o600, flush: true })
    await link(draft, file)
  } catch (error) {
    if (Object(error).code !== 'EEXIST') throw error
  } finally {
    await rm(draft, { force: true })
  }
}

/** What happens to the file, without its path. */
async function inOurWords<T>(work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    const code = String(Object(error).code)
    const what = code === 'ENOENT' ? 'is gone' : `cannot be read or made (${code})`
    throw new NoPepper(`the file ${PEPPER_FILE} in the data folder ${what}`)
  }
}
