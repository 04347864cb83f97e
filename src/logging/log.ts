import { type DestinationStream, type Level, type Logger, pino } from 'pino'
import { scrub } from './scrub.ts'
import { serializers } from './serializers.ts'

/** Standard output. A line is handed over when it is logged, so that none is lost at an end. */
export const standardOutput = (): DestinationStream => pino.destination({ dest: 1, sync: true })

/**
 * The log of the service. What looks like a secret is taken out of every line, whoever logs it.
 * @param destinations are given every line, one after the other
 */
export const createLog = (
  level: Level | 'silent',
  ...destinations: readonly DestinationStream[]
): Logger =>
  pino(
    { level, serializers },
    {
      write(line) {
        const clean = scrub(line)
        for (const destination of destinations) destination.write(clean)
      },
    },
  )
