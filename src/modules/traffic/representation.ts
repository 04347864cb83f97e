import { brotliCompressSync, constants, gzipSync } from 'node:zlib'

export type Encoding = 'identity' | 'gzip' | 'br'

/** Strong compression is not worth its time for bytes that live a second. */
const BROTLI = { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } }

const ENCODERS: Readonly<Record<Encoding, (bytes: Buffer) => Buffer>> = {
  identity: (bytes) => bytes,
  gzip: (bytes) => gzipSync(bytes),
  br: (bytes) => brotliCompressSync(bytes, BROTLI),
}

/** The age of the snapshot, the one number that changes between two sendings. */
const AGE = /"ageSeconds":\d+/

/**
 * The JSON of one snapshot, made once. Sending it only sets in the age; the bytes of the current
 * second are kept for each encoding.
 */
export class Representation {
  readonly etag: string
  readonly #head: Buffer
  readonly #tail: Buffer
  readonly #sent = new Map<Encoding, Buffer>()
  #ageSeconds = -1

  /** @param json holds `"ageSeconds":n`, the first of which is set to the age at each sending */
  constructor(etag: string, json: string) {
    this.etag = etag
    const at = json.search(AGE)
    this.#head = Buffer.from(`${json.slice(0, at)}"ageSeconds":`)
    this.#tail = Buffer.from(json.slice(at).replace(AGE, ''))
  }

  /** The body at an age in whole seconds. */
  bytes(ageSeconds: number, encoding: Encoding): Buffer {
    if (ageSeconds !== this.#ageSeconds) this.#sent.clear()
    this.#ageSeconds = ageSeconds
    let bytes = this.#sent.get(encoding)
    if (bytes === undefined) {
      const body = Buffer.concat([this.#head, Buffer.from(String(ageSeconds)), this.#tail])
      bytes = ENCODERS[encoding](body)
      this.#sent.set(encoding, bytes)
    }
    return bytes
  }
}
