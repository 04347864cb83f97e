import type { Test } from 'tap'

/** A block of a stream: the fields of an event, or those of none; comments by the name ''. */
export type Block = Readonly<Record<string, string>>

/** Reads a block, of lines `field: value` (WHATWG HTML, 9.2.6). */
const blockOf = (text: string): Block =>
  Object.fromEntries(
    text.split('\n').map((line) => {
      const [, field = '', value = ''] = /^([^:]*): ?(.*)$/.exec(line) ?? []
      return [field, value]
    }),
  )

/** The blocks of a stream as they come. */
export async function* blocksOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Block, null> {
  const decoder = new TextDecoder()
  let pending = ''
  for await (const chunk of chunks) {
    pending += decoder.decode(chunk, { stream: true })
    const parts = pending.split('\n\n')
    pending = parts.pop() ?? ''
    for (const part of parts) yield blockOf(part)
  }
  return null
}

/** The first event of a stream; null where it ends without one. */
export async function firstEvent(chunks: AsyncIterable<Uint8Array>): Promise<Block | null> {
  for await (const block of blocksOf(chunks)) if (block.event !== undefined) return block
  return null
}

/** A stream that is open. */
export interface Following {
  readonly response: Response
  /** The next block; null at the end. */
  block(): Promise<Block | null>
  /** The next event, past what is none; null at the end. */
  event(): Promise<Block | null>
  leave(): void
}

/** Opens a stream over a connection of its own; it is left after the test. */
export async function follow(
  t: Test,
  url: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Following> {
  const away = new AbortController()
  const leave = (): void => away.abort()
  t.teardown(leave)
  const response = await fetch(url, {
    headers: { accept: 'text/event-stream', ...headers },
    signal: away.signal,
  })
  if (response.body === null) throw new Error('there is no body')
  const blocks = blocksOf(response.body)
  const block = async (): Promise<Block | null> => (await blocks.next()).value
  const event = async (): Promise<Block | null> => {
    for (;;) {
      const next = await block()
      if (next === null || next.event !== undefined) return next
    }
  }
  return { response, block, event, leave }
}
