import { parseArgs } from 'node:util'
import { expiryFault, type KeyOrder, keyOrder } from '../access/key-order.ts'

/** What the command line asks for. */
export type KeysTask =
  | { readonly do: 'create'; readonly order: KeyOrder }
  | { readonly do: 'list' }
  | { readonly do: 'revoke'; readonly id: string }

/** The option that gives each part of an order. */
const OPTIONS: Readonly<Record<string, string>> = {
  name: '--name',
  scope: '--scope',
  expiresAt: '--expires',
  requestsPerMinute: '--per-minute',
  requestsPerHour: '--per-hour',
}

/** What is asked for, or what is wrong with it. */
export function readKeysArgs(args: readonly string[], nowMs: number): KeysTask | string {
  const [word, ...rest] = args
  const [id] = rest
  if (word === 'create') return readOrder(rest, nowMs)
  if (word === 'list') return rest.length === 0 ? { do: 'list' } : 'list takes nothing more'
  if (word !== 'revoke') return 'what to do must be create, list or revoke'
  return id === undefined || rest.length > 1 ? 'revoke takes one ID' : { do: 'revoke', id }
}

function readOrder(args: readonly string[], nowMs: number): KeysTask | string {
  const values = optionsOf(args)
  if (typeof values === 'string') return values
  const asked = keyOrder.safeParse({
    name: values.name,
    scope: values.scope,
    expiresAt: values.expires,
    requestsPerMinute: numberOf(values['per-minute']),
    requestsPerHour: numberOf(values['per-hour']),
  })
  if (!asked.success)
    return asked.error.issues
      .map(({ path, message }) => `${OPTIONS[String(path[0])]} ${message}`)
      .join('\n')
  const fault = expiryFault(asked.data, nowMs)
  return fault === null ? { do: 'create', order: asked.data } : `--expires ${fault}`
}

const numberOf = (text: string | undefined): number | undefined =>
  text === undefined ? undefined : Number(text)

const text = { type: 'string' } as const

function optionsOf(args: readonly string[]) {
  try {
    const options = { name: text, scope: text, expires: text, 'per-minute': text, 'per-hour': text }
    return parseArgs({ args: [...args], options, allowPositionals: false }).values
  } catch (error) {
    return String(error).replace(/^\w*Error[^:]*: /, '')
  }
}
