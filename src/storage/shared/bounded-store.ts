import type { FastifyBaseLogger } from 'fastify'
import { type SharedStore, StoreAway } from './shared-store.ts'

/** How long an answer may take, ms. */
const LONGEST_MS = 3000

/**
 * A store that answers within a time or is `StoreAway`, and fails in no other way: a server that
 * hangs or breaks must not hold up a refresh, nor end the process. What it does later all the same is
 * on the safe side: a call is counted that is not made, a lease taken that then runs out.
 */
export function boundedStore(
  store: SharedStore,
  log: FastifyBaseLogger,
  longestMs = LONGEST_MS,
): SharedStore {
  const foreseen = async <T>(work: Promise<T>): Promise<T> => {
    try {
      return await work
    } catch (err) {
      if (err instanceof StoreAway) throw err
      log.error({ err }, 'the shared store broke')
      throw new StoreAway(`the ${store.kind} fails; the log says why`)
    }
  }
  const inTime = async <T>(work: Promise<T>): Promise<T> => {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_resolve, reject) => {
      const away = new StoreAway(`the ${store.kind} does not answer within ${longestMs} ms`)
      timer = setTimeout(() => reject(away), longestMs)
    })
    try {
      return await Promise.race([work, late])
    } finally {
      clearTimeout(timer)
    }
  }
  const within = <T>(work: Promise<T>): Promise<T> => foreseen(inTime(work))
  return {
    kind: store.kind,
    holdLease: (...args) => within(store.holdLease(...args)),
    releaseLease: (...args) => within(store.releaseLease(...args)),
    claimRound: (...args) => within(store.claimRound(...args)),
    lastRound: (...args) => within(store.lastRound(...args)),
    countCall: (...args) => within(store.countCall(...args)),
    callsIn: (...args) => within(store.callsIn(...args)),
    publish: (...args) => within(store.publish(...args)),
    read: (...args) => within(store.read(...args)),
    close: () => store.close(),
  }
}
