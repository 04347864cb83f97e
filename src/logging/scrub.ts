const REDACTED = '[REDACTED]'

/** Names whose values are secrets, as headers, queries and settings spell them. */
const SECRET_NAMES =
  'x-api-key|api[-_]?keys?|access[-_]?token|token|password|secret|pepper|authorization|(?:set-)?cookie'

/**
 * What may hold a secret in a text, each with what takes its place. None matches a bare quote or
 * reaches over a backslash, so that JSON stays JSON; none looks at a text more than a few times.
 */
const SECRETS: readonly (readonly [RegExp, string])[] = [
  // Who logs in, in a URL.
  [/:\/\/[^\s/@"'\\]{1,512}@/g, `://${REDACTED}@`],
  // The query and the fragment of a URL, and of a path.
  [/(:\/\/[^\s"'<>\\?#]{1,256})[?#][^\s"'<>\\]*/g, `$1?${REDACTED}`],
  [/\?[^\s"'<>\\=?]{1,256}=[^\s"'<>\\]*/g, `?${REDACTED}`],
  [/\b(bearer|basic)\s+[^\s"'\\]+/gi, `$1 ${REDACTED}`],
  // Keys that the service issued: their id may be known.
  [/\b(ayalon_[0-9a-f]{16}_)[\w-]+/g, `$1${REDACTED}`],
  // A field of the line itself.
  [new RegExp(String.raw`"(${SECRET_NAMES})":"(?:[^"\\]|\\.)*"`, 'gi'), `"$1":"${REDACTED}"`],
  // `name=value`, `name: value` and JSON within a JSON text.
  [
    new RegExp(`\\b(${SECRET_NAMES})(=|:\\s+|\\\\"\\s*:\\s*\\\\")(?!\\[)[^\\s"'\\\\&,;]+`, 'gi'),
    `$1$2${REDACTED}`,
  ],
]

/** A text, or a line of JSON, without what may be a secret: it stays valid JSON. */
export const scrub = (text: string): string =>
  SECRETS.reduce((clean, [pattern, instead]) => clean.replaceAll(pattern, instead), text)
