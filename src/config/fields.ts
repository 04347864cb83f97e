import { isIP } from 'node:net'
import { z } from 'zod'

/** A whole number in decimal digits, within bounds. */
export const whole = (least: number, most: number) =>
  z
    .string()
    .regex(/^\d{1,9}$/, 'must be a whole number')
    .transform(Number)
    .pipe(z.number().min(least, `must be at least ${least}`).max(most, `must be at most ${most}`))

/** At most a day: longer waits would overflow the timers of the runtime. */
export const seconds = () => whole(1, 86_400)

/** The most calls in a period: a whole number, or `none` for any number. */
export const quota = () =>
  z
    .string()
    .regex(/^(none|\d{1,9})$/, 'must be a whole number, or none')
    .transform((text) => (text === 'none' ? null : Number(text)))
    .pipe(z.number().min(1, 'must be at least 1').nullable())

/** The items of a list with commas. */
export const commaList = (text: string): string[] => text.split(',').map((item) => item.trim())

/** A list with commas, each name one of a few. */
export const list = <T extends string>(names: readonly [T, ...T[]]) => {
  const item = z.enum(names, `must be a list of ${names.join(', ')}`)
  return z
    .string()
    .transform(commaList)
    .pipe(z.tuple([item], item))
    .refine((items) => new Set(items).size === items.length, 'must not name one twice')
}

/** An http(s) address and nothing more; its path ends with a slash, so that paths append. */
export const baseUrl = z
  .url({ protocol: /^https?$/, error: 'must be an http or https URL' })
  .transform((text) => new URL(text))
  .refine((url) => url.username === '' && url.password === '', 'must not hold credentials')
  .refine((url) => url.search === '' && url.hash === '', 'must not hold a query or a fragment')
  .transform((url) => new URL(url.pathname.endsWith('/') ? url : `${url}/`))

/** Origins of pages: scheme, host and port; or `*` alone. */
export const origins = () =>
  z
    .string()
    .transform(commaList)
    .refine(
      (items) => items.every((item) => (item === '*' ? items.length === 1 : isOrigin(item))),
      'must be a list of origins such as https://example.org, or * alone',
    )

/** `URL` takes `https://*.example.org` for a name like any other; no browser sends it. */
const isOrigin = (text: string): boolean =>
  /^https?:\/\/[^*]+$/.test(text) && URL.parse(text)?.origin === text

/** How many proxies are trusted, or which networks. */
export const trustProxy = () =>
  z
    .string()
    .transform((text) => (/^\d{1,2}$/.test(text) ? Number(text) : commaList(text)))
    .refine(
      (trusted) => (typeof trusted === 'number' ? trusted > 0 : trusted.every(isNetwork)),
      'must be a number of proxies from 1 on, or a list of networks such as 10.0.0.0/8',
    )

/** An address, or a network in CIDR notation; not one of all addresses, which would trust anybody. */
function isNetwork(text: string): boolean {
  const [address = '', prefix = '1', ...rest] = text.split('/')
  const most = isIP(address) === 6 ? 128 : 32
  const isPrefix = /^[1-9]\d{0,2}$/.test(prefix) && Number(prefix) <= most
  return isIP(address) !== 0 && isPrefix && rest.length === 0
}
