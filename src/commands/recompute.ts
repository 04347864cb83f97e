import { parseArgs } from 'node:util'
import type { Variables } from '../config/config.ts'
import { loadSetup, type Setup } from '../config/setup.ts'
import type { Span } from '../corridors/buckets.ts'
import type { Corridor } from '../corridors/corridor.ts'
import { sourceOf } from '../corridors/snapshot.ts'
import { DEFAULT_MODEL, MODELS } from '../impact/models.ts'
import type { Connection } from '../storage/connection.ts'
import { lastRefreshEnd } from '../storage/ticks/refreshes.ts'
import type { TotalsTask } from '../storage/totals/compute-totals.ts'
import { keptFromMs, recompute } from '../storage/totals/recompute.ts'
import { modelChoice } from '../views/choices.ts'
import { isoTime } from '../views/json.ts'
import { momentMs, momentSchema } from '../views/moment.ts'
import { EX_USAGE } from './exit-codes.ts'
import { Progress } from './progress.ts'
import { withConnection } from './with-connection.ts'

const USAGE =
  'usage: npm run recompute -- --corridor ID --from DATE --to DATE [--model MODEL], where --to is not part of the span'

/**
 * Goes through the kept observations of a corridor and computes their totals anew, by the model as
 * it is now or by another. What an older version computed stays beside it. Stopped and begun again
 * with the same words, it goes on where it was.
 * @returns the exit code: 0 done, 64 wrong usage, 69 the database cannot be used
 * @throws ConfigError when the environment is wrong
 */
export async function recomputeTotals(
  args: readonly string[],
  environment: Variables,
  print: (line: string) => void,
  now: () => number,
): Promise<number> {
  const setup = loadSetup(environment)
  const wanted = readArgs(args, setup.corridors)
  if (typeof wanted === 'string') {
    print(`${wanted}\n${USAGE}`)
    return EX_USAGE
  }
  return withConnection(setup, print, async (connection) => {
    const task = { ...wanted, source: sourceOf(setup.config.TRAFFIC_PROVIDERS[0]) }
    const kept = await keptSpan(task, setup, connection, now())
    if (kept.fromMs > task.fromMs)
      print(`whole days of observations are kept from ${isoTime(kept.fromMs)} on: it begins there`)
    if (kept.toMs <= kept.fromMs) {
      print('nothing was observed in this span')
      return 0
    }
    const { corridorId, model } = task
    const span = `${isoTime(kept.fromMs)} to ${isoTime(kept.toMs)}`
    print(`${corridorId} by ${model} ${MODELS[model].version}: ${span}`)
    const progress = new Progress(kept.toMs - kept.fromMs, now, print)
    await recompute(connection, task, kept, {
      resumed: (done) => {
        print(`goes on at ${isoTime(done.toMs)}`)
        progress.skip(done.toMs - done.fromMs)
      },
      done: (done) => progress.add(done.toMs - done.fromMs),
    })
    print('done')
    return 0
  })
}

/** The span, cut to what is kept and was observed. */
async function keptSpan(
  { corridorId, source, timeZone, ...wanted }: TotalsTask,
  { config }: Setup,
  connection: Connection,
  nowMs: number,
): Promise<Span> {
  const endMs = await connection.use(({ read }) => lastRefreshEnd(read, corridorId, source))
  const fromMs = Math.max(wanted.fromMs, keptFromMs(nowMs, config.RETENTION_DAYS, timeZone))
  return { fromMs, toMs: Math.min(wanted.toMs, endMs ?? fromMs) }
}

/** What is asked for, or what is wrong with it. */
function readArgs(
  args: readonly string[],
  corridors: readonly Corridor[],
): Omit<TotalsTask, 'source'> | string {
  const values = optionsOf(args)
  if (typeof values === 'string') return values
  const { corridor: id = '', model: modelName = DEFAULT_MODEL } = values
  const corridor = corridors.find((one) => one.id === id)
  if (corridor === undefined)
    return `--corridor must be one of ${corridors.map((one) => one.id).join(', ')}`
  const model = modelChoice.safeParse(modelName)
  if (!model.success) return `--model must be one of ${modelChoice.options.join(', ')}`
  const { timeZone } = corridor
  const [fromMs, toMs] = [values.from, values.to].map((text) => {
    const moment = momentSchema.safeParse(text)
    return moment.success ? momentMs(moment.data, timeZone) : null
  })
  if (typeof fromMs !== 'number' || typeof toMs !== 'number')
    return '--from and --to must be dates such as 2026-11-21, or times such as 2026-11-21T05:00:00Z'
  if (fromMs >= toMs) return '--from must be before --to'
  return { corridorId: id, timeZone, model: model.data, fromMs, toMs }
}

const text = { type: 'string' } as const

function optionsOf(args: readonly string[]) {
  try {
    const options = { corridor: text, from: text, to: text, model: text }
    return parseArgs({ args: [...args], options, allowPositionals: false }).values
  } catch (error) {
    return String(error).replace(/^\w*Error[^:]*: /, '')
  }
}
