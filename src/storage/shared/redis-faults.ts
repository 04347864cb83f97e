/** What keeps Redis from being used, by what its answer or the client's error says. */
const FAULTS: readonly (readonly [RegExp, string])[] = [
  [/\b(NOAUTH|WRONGPASS)\b/, 'Redis refuses the user or the password'],
  [/\bNOPERM\b|executing the script/, 'the Redis user lacks a permission'],
  [/\b(READONLY|MISCONF|NOREPLICAS|MASTERDOWN)\b/, 'Redis takes no writes'],
  [/\bOOM\b/, 'Redis is out of memory'],
  [/\bLOADING\b/, 'Redis is still loading its data'],
  [/\bBUSY\b/, 'Redis is busy with a script'],
  [/\b(MOVED|CROSSSLOT|CLUSTERDOWN)\b/, 'Redis is a cluster, which cannot be used'],
  [/max number of clients/, 'Redis has too many clients'],
  [/DB index/, 'Redis has no database of this number'],
  [/timed? ?out/i, 'Redis does not answer in time'],
  [/ENOTFOUND|EAI_AGAIN/, 'the name of the Redis server cannot be looked up'],
  [/CERT|SIGNATURE/, 'the certificate of Redis is not trusted'],
  [/SSL|TLS/, 'no encrypted connection to Redis can be made'],
  [/^ReplyError/, 'Redis refuses a command'],
]

/**
 * In our own words, without any text of the server, why Redis cannot be used now; null where the
 * error says only that there is no connection.
 */
export function redisFault(error: unknown): string | null {
  const { name, code, message } = Object(error)
  const said = `${name} ${code} ${message}`
  return FAULTS.find(([pattern]) => pattern.test(said))?.[1] ?? null
}
