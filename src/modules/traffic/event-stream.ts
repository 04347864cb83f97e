import { Readable } from 'node:stream'

/** One event of a stream, ready to be sent. */
export interface StreamEvent {
  readonly id: string
  readonly bytes: Buffer
}

/** What a reader gets next; null where it has the newest, or there is none. Must not fail. */
export type NextEvent = (lastId: string | undefined) => StreamEvent | null

/** What a client is told when its stream is ended, by the reason; comments tell people alone. */
const FAREWELLS = {
  /** The process stops. */
  stop: Buffer.from(': the service stops here\n\n'),
  /** The key with which it was opened is not valid any more. */
  key: Buffer.from(': the key is not valid any more\n\n'),
  /** The client opened one too many. Its streams must not replace each other every few seconds. */
  replaced: Buffer.from(': another stream of this client took the place\nretry: 60000\n\n'),
} as const

/** Why a stream ended: its client left, or did not read, or one of those. */
export type StreamEnd = 'client' | 'slow' | keyof typeof FAREWELLS

/** A comment, which clients ignore: it only shows that both ends are there. */
const HEARTBEAT = Buffer.from(':\n\n')

/**
 * A client that was not ready for so many heartbeats in turn does not read: a minute of them. It is
 * ready while the kernel takes what is sent, which may be megabytes that nobody reads.
 */
const MOST_MISSED = 4

/** An event as `text/event-stream` has it (WHATWG HTML, 9.2.5). The data is one line. */
export const eventOf = (event: 'snapshot', id: string, data: Buffer): StreamEvent => ({
  id,
  bytes: Buffer.concat([
    Buffer.from(`id: ${id}\nevent: ${event}\ndata: `),
    data,
    Buffer.from('\n\n'),
  ]),
})

/**
 * What one client is sent. Nothing waits in it: while the socket is full nothing is made, and then
 * the newest, so that a slow reader costs no memory and skips what is old.
 */
export class EventStream extends Readable {
  readonly #next: NextEvent
  #lastId: string | undefined
  /** Whether the client can take more. */
  #isReady = false
  #missed = 0
  #events = 0
  #end: StreamEnd = 'client'

  /**
   * @param lastId of the event that the client has from before
   * @param retryMs how long a client should wait before it comes back
   */
  constructor(next: NextEvent, lastId: string | undefined, retryMs: number) {
    // What is pushed goes to the socket at once: the stream asks only when that can take more.
    super({ highWaterMark: 0 })
    this.#next = next
    this.#lastId = lastId
    this.push(`retry: ${retryMs}\n\n`)
  }

  /** How many events were sent. */
  get events(): number {
    return this.#events
  }

  get endedBy(): StreamEnd {
    return this.#end
  }

  /** Sends the newest event where the client can take it and does not have it. */
  look(): void {
    if (!this.#isReady) return
    const event = this.#next(this.#lastId)
    if (event === null) return
    this.#lastId = event.id
    this.#events += 1
    this.#send(event.bytes)
  }

  /** Sends a heartbeat, or ends the stream of a client that takes none. */
  beat(): void {
    if (this.#isReady) this.#send(HEARTBEAT)
    else this.#missed += 1
    if (this.#missed === MOST_MISSED) this.#cut('slow')
  }

  /** Ends it so that the client comes back, to another process perhaps. */
  finish(why: keyof typeof FAREWELLS): void {
    if (this.#isReady) {
      this.#end = why
      this.#send(FAREWELLS[why])
      this.push(null)
    } else this.#cut(why)
  }

  override _read(): void {
    this.#isReady = true
    this.#missed = 0
    this.look()
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#isReady = false
    done(error)
  }

  #send(bytes: Buffer): void {
    this.#isReady = false
    this.push(bytes)
  }

  #cut(by: StreamEnd): void {
    this.#end = by
    this.destroy()
  }
}
