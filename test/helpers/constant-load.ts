import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import { Agent } from 'undici'

const JSON_TYPE = { 'content-type': 'application/json' }
/** How often requests are sent, ms. */
const TICK_MS = 20
/** Connections that clients keep. */
const CONNECTIONS = 50

/** A path to get, or what to post as JSON. */
export type Ask = string | { readonly path: string; readonly body: string }

/** What came of a load. */
export interface LoadResult {
  /** Requests answered as they should be. */
  readonly answered: number
  /** What went wrong, each with the time since the load began. */
  readonly failed: readonly string[]
}

export interface Load {
  /** Requests sent so far. */
  readonly sent: () => number
  /** Sends no more; resolves when all are answered. */
  stop(): Promise<LoadResult>
}

/**
 * Asks so many times a second, whether answers come or not, as clients do that know nothing of each
 * other. An answer is right with status 200 and its whole body.
 * @param asks are made in turn
 */
export function constantLoad(
  t: Test,
  url: string,
  asks: readonly [Ask, ...Ask[]],
  perSecond: number,
): Load {
  const agent = new Agent({ connections: CONNECTIONS, pipelining: 1 })
  t.teardown(() => agent.destroy())
  const begunMs = Date.now()
  const failed: string[] = []
  const open = new Set<Promise<void>>()
  let sent = 0
  let answered = 0
  let going = true

  const make = async (ask: Ask): Promise<void> => {
    const path = typeof ask === 'string' ? ask : ask.path
    const what =
      typeof ask === 'string'
        ? ({ method: 'GET' } as const)
        : ({ method: 'POST', headers: JSON_TYPE, body: ask.body } as const)
    const note = (why: string): void => {
      failed.push(`${path} after ${(Date.now() - begunMs) / 1000} s: ${why}`)
    }
    try {
      const { statusCode, body } = await agent.request({ origin: url, path, ...what })
      const text = await body.text()
      if (statusCode === 200) answered += 1
      else note(`${statusCode} ${text.slice(0, 200)}`)
    } catch (error) {
      note(String(error))
    }
  }
  const run = async (): Promise<void> => {
    while (going) {
      const due = ((Date.now() - begunMs) / 1000) * perSecond
      for (; sent < due; sent += 1) {
        const asked = make(asks[sent % asks.length] ?? asks[0]).finally(() => open.delete(asked))
        open.add(asked)
      }
      await sleep(TICK_MS)
    }
    await Promise.all(open)
  }
  const running = run()
  return {
    sent: () => sent,
    async stop() {
      going = false
      await running
      return { answered, failed }
    },
  }
}
