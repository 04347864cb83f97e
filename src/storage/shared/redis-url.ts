import { isIP } from 'node:net'
import type { ConnectionOptions } from 'node:tls'
import { decoded, faultFoundBy } from '../url-parts.ts'

/** The parts of `redis://user:password@host:port/number`. Empty: there is none. */
export interface RedisUrl {
  readonly host: string
  readonly port: number
  readonly username: string
  readonly password: string
  readonly db: number
  /** Undefined: the connection is not encrypted. */
  readonly tls: ConnectionOptions | undefined
}

/** @throws Error saying what is wrong, without repeating any of the URL: it holds a password */
export function parseRedisUrl(text: string): RedisUrl {
  const url = URL.parse(text)
  if (url === null || !/^rediss?:$/.test(url.protocol))
    throw new Error('must be redis://user:password@host:port/number, or rediss:// for TLS')
  if (url.search !== '' || url.hash !== '') throw new Error('takes no parameters')
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
  if (host === '') throw new Error('must name a host')
  if (!/^(\/\d{0,5})?$/.test(url.pathname)) throw new Error('must name the database by its number')
  return {
    host,
    port: Number(url.port || 6379),
    username: decoded(url.username),
    password: decoded(url.password),
    db: Number(url.pathname.slice(1)),
    tls: url.protocol === 'rediss:' ? tlsTo(host) : undefined,
  }
}

/** A server of many names is told which of them is meant; an address is no name. */
const tlsTo = (host: string): ConnectionOptions => (isIP(host) === 0 ? { servername: host } : {})

/** What is wrong with a URL, without repeating any of it; null when nothing is. */
export const redisUrlFault = (text: string): string | null => faultFoundBy(parseRedisUrl, text)
