import { decoded, faultFoundBy } from '../url-parts.ts'
/** How the connection to a server is encrypted: not, without a look at the certificate, or fully. */
export const TLS_MODES = ['disable', 'require', 'verify-full'] as const
export type TlsMode = (typeof TLS_MODES)[number]

/** What the `sslmode` of a URL asks for, as Postgres' own clients read it. */
const SSL_MODES: ReadonlyMap<string, TlsMode> = new Map([
  ['disable', 'disable'],
  ['allow', 'disable'],
  ['prefer', 'disable'],
  ['require', 'require'],
  ['verify-ca', 'verify-full'],
  ['verify-full', 'verify-full'],
])

/** Parameters that are taken; `channel_binding` is always used where the server offers it. */
const PARAMETERS = ['sslmode', 'host', 'channel_binding']

/** The parts of `postgres://user:password@host:port/database?sslmode=…`. */
export interface PostgresUrl {
  /** A name, an address, or the folder of a Unix socket. */
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password: string
  readonly database: string
  readonly tls: TlsMode
}

/** @throws Error saying what is wrong, without repeating any of the URL: it holds a password */
export function parsePostgresUrl(text: string): PostgresUrl {
  const url = URL.parse(text)
  if (url === null || !/^postgres(ql)?:$/.test(url.protocol))
    throw new Error('must be postgres://user:password@host:port/database')
  const unknown = [...url.searchParams.keys()].some((key) => !PARAMETERS.includes(key))
  if (unknown) throw new Error(`takes no parameters but ${PARAMETERS.join(', ')}`)
  const host = url.searchParams.get('host') ?? url.hostname.replace(/^\[(.*)\]$/, '$1')
  const database = decoded(url.pathname.slice(1))
  const tls = SSL_MODES.get(url.searchParams.get('sslmode') ?? 'disable')
  if (host === '') throw new Error('must name a host')
  if (database === '') throw new Error('must name a database')
  if (tls === undefined)
    throw new Error(`sslmode must be one of ${[...SSL_MODES.keys()].join(', ')}`)
  return {
    host,
    port: Number(url.port || 5432),
    user: decoded(url.username),
    password: decoded(url.password),
    database,
    tls,
  }
}

/** What is wrong with a URL, without repeating any of it; null when nothing is. */
export const postgresUrlFault = (text: string): string | null =>
  faultFoundBy(parsePostgresUrl, text)
