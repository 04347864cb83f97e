import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { makeFolder } from '../../make-folder.ts'

/** Keeps the raw body of one answer. Never fails the refresh that it belongs to. */
export type Recorder = (refreshAtMs: number, name: string, body: string) => Promise<void>

/** Where nothing is to be kept. */
export const noRecorder: Recorder = async () => {}

/** A disk or a network mount that hangs must not hold up the refresh for longer, ms. */
const RECORD_TIMEOUT_MS = 2000

/**
 * Writes bodies as a replay folder: `<dir>/<time of the refresh>/<name>.json`.
 * @param redact takes secrets out of a body before it is written
 * @param onError told when a body could not be written, e.g. on a full disk
 */
export function createRecorder(
  dir: string,
  redact: (body: string) => string,
  onError: (error: unknown) => void,
  timeoutMs = RECORD_TIMEOUT_MS,
): Recorder {
  return async (refreshAtMs, name, body) => {
    const folder = join(dir, new Date(refreshAtMs).toISOString().replaceAll(':', '-'))
    const write = async (): Promise<void> => {
      await makeFolder(folder)
      await writeFile(join(folder, `${name}.json`), redact(body))
    }
    const giveUp = async (): Promise<never> => {
      await sleep(timeoutMs, undefined, { ref: false })
      throw new Error(`writing to RECORD_DIR takes longer than ${timeoutMs} ms`)
    }
    await Promise.race([write(), giveUp()]).catch(onError)
  }
}
