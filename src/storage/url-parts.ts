/**
 * A part of a URL without its percent-encoding.
 * @throws Error saying what is wrong, without repeating the part: it may be a password
 */
export function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    throw new Error('must have special characters percent-encoded')
  }
}

/** What a parser finds wrong with a URL, without repeating any of it; null when nothing is. */
export function faultFoundBy(parse: (text: string) => unknown, text: string): string | null {
  try {
    parse(text)
    return null
  } catch (error) {
    return String(error).replace(/^\w*Error: /, '')
  }
}
