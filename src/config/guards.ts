import type { FastifyBaseLogger } from 'fastify'
import { systemClock } from '../clock.ts'
import type { LiveProvider } from '../providers/create.ts'
import { Budget } from '../providers/upstream/budget.ts'
import { Guard } from '../providers/upstream/guard.ts'
import type { QuotaLimits } from '../providers/upstream/quota-windows.ts'
import type { SharedStore } from '../storage/shared/shared-store.ts'
import type { Config } from './config.ts'

/** What the configuration says of a provider that is asked over the network. */
function settingsOf(
  config: Config,
  provider: LiveProvider,
): { readonly address: URL; readonly limits: QuotaLimits } {
  switch (provider) {
    case 'here':
      return {
        address: config.HERE_BASE_URL,
        limits: {
          hour: config.HERE_QUOTA_PER_HOUR,
          day: config.HERE_QUOTA_PER_DAY,
          month: config.HERE_QUOTA_PER_MONTH,
        },
      }
    case 'tomtom':
      return {
        address: config.TOMTOM_BASE_URL,
        limits: {
          hour: config.TOMTOM_QUOTA_PER_HOUR,
          day: config.TOMTOM_QUOTA_PER_DAY,
          month: config.TOMTOM_QUOTA_PER_MONTH,
        },
      }
  }
}

/**
 * Makes the guard of a provider, on the system's clock.
 * @param owner names this process among all that share the store
 */
export const guardsBy =
  (config: Config, store: SharedStore, owner: string, log: FastifyBaseLogger) =>
  (provider: LiveProvider): Guard => {
    const { address, limits } = settingsOf(config, provider)
    const own = log.child({ provider })
    const { now } = systemClock
    const leastIntervalMs = config.MIN_INTERVAL_SECONDS * 1000
    const budget = new Budget({ provider, limits, leastIntervalMs, store, owner, now, log: own })
    return new Guard({ budget, address, now, random: Math.random, log: own })
  }
