import type { DestinationStream, Logger } from 'pino'
import type { Config } from '../config/config.ts'
import { ConfigError } from '../config/faults.ts'
import { createLog } from './log.ts'
import { LogFile } from './log-file.ts'

const MEGABYTE = 1_000_000

export type LogConfig = Pick<
  Config,
  'LOG_LEVEL' | 'LOG_FORMAT' | 'LOG_FILE' | 'LOG_FILE_MAX_MB' | 'LOG_FILE_KEEP'
>

/** Where the log goes. */
export interface LogHost {
  readonly out: DestinationStream
  /** Whether people look at it. */
  readonly isTerminal: boolean
  /** Tells of a log file that fails, in a line. */
  readonly warn: (line: string) => void
  /** Epoch milliseconds. */
  readonly now: () => number
}

/**
 * The log as it is configured.
 * @throws ConfigError when the log file cannot be written
 */
export async function openLog(config: LogConfig, host: LogHost): Promise<Logger> {
  const { LOG_LEVEL: level, LOG_FORMAT: format = host.isTerminal ? 'pretty' : 'json' } = config
  const out = format === 'pretty' ? await prettyOutput(host) : host.out
  if (config.LOG_FILE === undefined) return createLog(level, out)
  return createLog(level, out, openLogFile(config, config.LOG_FILE, host))
}

async function prettyOutput({ out, isTerminal }: LogHost): Promise<DestinationStream> {
  const { prettyLine } = await import('./pretty.ts')
  const pretty = prettyLine(isTerminal)
  return { write: (line) => out.write(pretty(line)) }
}

function openLogFile(config: LogConfig, path: string, { warn, now }: LogHost): LogFile {
  try {
    return new LogFile({
      path,
      maxBytes: config.LOG_FILE_MAX_MB * MEGABYTE,
      keep: config.LOG_FILE_KEEP,
      now,
      onFault: (error) => warn(`the log file fails: ${error}`),
    })
  } catch (error) {
    throw new ConfigError([{ name: 'LOG_FILE', reason: `cannot be written: ${error}` }])
  }
}
