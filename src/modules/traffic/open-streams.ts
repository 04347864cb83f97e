import { BackgroundLoop } from '../../background-loop.ts'
import type { Clock } from '../../clock.ts'
import { Problem } from '../../problems/problem.ts'
import type { CurrentState } from '../../storage/current-state.ts'
import { EventStream, type NextEvent } from './event-stream.ts'

/** How often every stream is shown to be alive, ms: proxies cut what is silent for 30 to 60 s. */
const HEARTBEAT_MS = 15_000

/** Clients come back between these, ms: not all at once after a restart, and before anybody misses them. */
const LEAST_RETRY_MS = 2000
const MOST_RETRY_MS = 5000

/** Streams of one client: the tabs and screens of one person or office, not of a crawler. */
const MOST_OF_A_CLIENT = 10
/** Streams of the process. Each holds a socket, with what the kernel keeps for a slow client. */
const MOST = 1000
/** Places become free when others leave, s. */
const FULL_RETRY_SECONDS = 60

/** What one client asked for. */
export interface Asked {
  /** Whom it counts for. */
  readonly client: string
  readonly corridorId: string
  /** The same for all who get the same events. */
  readonly topic: string
  /** The last event that the client has. */
  readonly lastId: string | undefined
  readonly next: NextEvent
  /** Whether the client may still have the stream. */
  readonly mayGoOn: () => Promise<boolean>
}

interface Open {
  readonly asked: Asked
  readonly stream: EventStream
}

/** A heartbeat, or the end where the client may not go on. Whoever comes back is told why. */
async function beat({ asked, stream }: Open): Promise<void> {
  if (await asked.mayGoOn().catch(() => false)) stream.beat()
  else stream.finish('key')
}

/** The streams that are open in this process, and what reaches all of them. */
export class OpenStreams {
  readonly #open = new Set<Open>()
  readonly #random: () => number
  /** The heartbeats. */
  readonly loop: BackgroundLoop
  #sent = 0
  #isStopped = false

  constructor(options: {
    readonly state: CurrentState
    readonly clock: Clock
    /** From 0 to less than 1. */
    readonly random: () => number
  }) {
    this.#random = options.random
    options.state.onSnapshot((corridorId) => this.#show(corridorId))
    this.loop = new BackgroundLoop(options.clock, async () => {
      await Promise.all([...this.#open].map(beat))
      return HEARTBEAT_MS
    })
  }

  /** How many are open. */
  get count(): number {
    return this.#open.size
  }

  /** How many events were sent since the start. */
  get sent(): number {
    return this.#sent
  }

  /**
   * Opens a stream, which is to be sent at once. After a stop it only says when to come back. A
   * client's oldest makes room where it has too many: it may be one whose network is gone, which
   * nothing here can tell, and a refusal would keep a page from ever coming back.
   * @throws Problem `overloaded` where the process has too many
   */
  open(asked: Asked): EventStream {
    this.#makeRoom(asked.client)
    const next: NextEvent = (lastId) => {
      const event = asked.next(lastId)
      if (event !== null) this.#sent += 1
      return event
    }
    const retryMs = LEAST_RETRY_MS + this.#random() * (MOST_RETRY_MS - LEAST_RETRY_MS)
    const stream = new EventStream(next, asked.lastId, Math.floor(retryMs))
    const open = { asked, stream }
    this.#open.add(open)
    stream.once('close', () => this.#open.delete(open))
    if (this.#isStopped) stream.push(null)
    return stream
  }

  /** Ends them all, so that no stop waits for them. */
  stop(): void {
    this.#isStopped = true
    for (const { stream } of this.#open) stream.finish('stop')
  }

  #makeRoom(client: string): void {
    const own = [...this.#open].filter(({ asked }) => asked.client === client)
    const oldest = own.at(-MOST_OF_A_CLIENT)
    if (oldest !== undefined) {
      this.#open.delete(oldest)
      oldest.stream.finish('replaced')
    }
    if (this.#open.size >= MOST)
      throw new Problem('overloaded', 'There are as many streams as the service can hold.', {
        retryAfterSeconds: FULL_RETRY_SECONDS,
      })
  }

  /** Has all who follow a corridor look what is new. */
  #show(corridorId: string): void {
    const followers = [...this.#open].filter(({ asked }) => asked.corridorId === corridorId)
    this.#inTurn(Map.groupBy(followers, ({ asked }) => asked.topic).values())
  }

  /**
   * A turn of the event loop for each topic: what it sends is made once for all who get it, which
   * takes tens of milliseconds, and the collector must not wait for it, nor other requests for all.
   */
  #inTurn(topics: Iterator<readonly Open[]>): void {
    setImmediate(() => {
      const { value, done } = topics.next()
      if (done) return
      for (const { stream } of value) stream.look()
      this.#inTurn(topics)
    })
  }
}
