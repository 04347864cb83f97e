import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { ProviderFailure } from '../failure.ts'

const unzip = promisify(gunzip)

/**
 * The text of a body, unpacked where it is compressed.
 * @param coding its Content-Encoding
 * @param maxBytes largest unpacked size, so that a small body cannot fill the memory
 * @throws ProviderFailure `badAnswer` for one that is larger, cut short, or packed in another way
 */
export async function decode(bytes: Buffer, coding: string, maxBytes: number): Promise<string> {
  if (coding === 'identity') return bytes.toString()
  if (coding !== 'gzip')
    throw new ProviderFailure('badAnswer', 'the answer is compressed in a way not asked for')
  try {
    return (await unzip(bytes, { maxOutputLength: maxBytes })).toString()
  } catch (error) {
    throw Object(error).code === 'ERR_BUFFER_TOO_LARGE'
      ? tooLarge(maxBytes)
      : new ProviderFailure('badAnswer', 'the compressed answer was cut short or is none')
  }
}

export const tooLarge = (maxBytes: number): ProviderFailure =>
  new ProviderFailure('badAnswer', `the answer is larger than ${maxBytes} bytes`)
