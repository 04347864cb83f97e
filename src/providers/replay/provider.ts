import { joinAnswers, orFailure } from '../answers.ts'
import { ProviderFailure } from '../failure.ts'
import type { BodyParser, Provider, ProviderAnswer } from '../provider.ts'
import { listRefreshes, readBody } from './folder.ts'

/**
 * Plays recorded bodies as if they were answered now: a folder of bodies is one refresh; a folder
 * of folders is a sequence in the order of their names, which then starts again. Each corridor
 * goes through the sequence at its own pace.
 */
export function createReplay(options: {
  readonly dir: string
  readonly parse: BodyParser
  readonly maxBytes: number
}): Provider {
  const turns = new Map<string, number>()
  return {
    name: 'replay',
    guard: null,
    callsFor: () => 0,
    async refresh(corridor) {
      const refreshes = await listRefreshes(options.dir)
      const turn = turns.get(corridor.id) ?? 0
      turns.set(corridor.id, turn + 1)
      const refresh = refreshes[turn % refreshes.length]
      if (refresh === undefined)
        throw new ProviderFailure('badAnswer', 'the replay folder holds no bodies')
      const read = async (file: string): Promise<ProviderAnswer> =>
        options.parse(await readBody(file, options.maxBytes))
      const parts = await Promise.all(refresh.map((file) => orFailure(() => read(file))))
      return { ...joinAnswers(parts), observedAtMs: null }
    },
  }
}
