import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** Keeps the raw body of one answer. Never fails the refresh that it belongs to. */
export type Recorder = (refreshAtMs: number, name: string, body: string) => Promise<void>

/** Where nothing is to be kept. */
export const noRecorder: Recorder = async () => {}

/**
 * Writes bodies as a replay folder: `<dir>/<time of the refresh>/<name>.json`.
 * @param redact takes secrets out of a body before it is written
 * @param onError told when a body could not be written, e.g. on a full disk
 */
export function createRecorder(
  dir: string,
  redact: (body: string) => string,
  onError: (error: unknown) => void,
): Recorder {
  return async (refreshAtMs, name, body) => {
    const folder = join(dir, new Date(refreshAtMs).toISOString().replaceAll(':', '-'))
    try {
      await mkdir(folder, { recursive: true })
      await writeFile(join(folder, `${name}.json`), redact(body))
    } catch (error) {
      onError(error)
    }
  }
}
