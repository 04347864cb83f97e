import { existsSync } from 'node:fs'
import { systemClock } from './clock.ts'
import { backUp } from './commands/backup.ts'
import { checkCorridor } from './commands/check-corridor.ts'
import { EX_CONFIG, EX_USAGE } from './commands/exit-codes.ts'
import { importFile } from './commands/import.ts'
import { manageKeys } from './commands/keys.ts'
import { migrateDatabase } from './commands/migrate.ts'
import { recomputeTotals } from './commands/recompute.ts'
import { restoreBackup } from './commands/restore.ts'
import { serve } from './commands/serve.ts'
import type { ProcessEnds } from './commands/stop-with-grace.ts'
import { validate } from './commands/validate.ts'
import { ConfigError } from './config/faults.ts'

const [command = 'serve', ...args] = process.argv.slice(2)
const print = (line: string): void => void process.stdout.write(`${line}\n`)
const warn = (line: string): void => void process.stderr.write(`${line}\n`)
const onSignal: ProcessEnds['onSignal'] = (signal, told) => void process.on(signal, told)

/** Runs a command; null while the service runs on. */
async function run(): Promise<number | null> {
  switch (command) {
    case 'serve':
      if (args.length > 0) {
        warn('serve takes no arguments; its settings are variables of the environment')
        return EX_USAGE
      }
      await serve({
        environment: process.env,
        memory: { available: process.availableMemory, limit: process.constrainedMemory },
        isTerminal: process.stdout.isTTY,
        warn,
        onSignal,
        onError: (told) => void process.on('uncaughtException', told),
        exit: process.exit,
      })
      return null
    case 'check-corridor':
      return checkCorridor(args, process.env, print)
    case 'validate':
      return validate(args, print)
    case 'migrate':
      return migrateDatabase(args, process.env, print)
    case 'recompute':
      return recomputeTotals(args, process.env, print, Date.now)
    case 'import':
      return importFile(args, process.env, print, Date.now)
    case 'keys':
      return manageKeys(args, process.env, { print, note: warn }, systemClock)
    case 'backup':
      return backUp(
        args,
        process.env,
        { print, note: warn, out: process.stdout, onSignal, exit: process.exit },
        Date.now,
      )
    case 'restore':
      return restoreBackup(args, process.env, print)
    default:
      warn(
        `unknown command "${command}": serve, check-corridor, validate, migrate, recompute, import, keys, backup or restore`,
      )
      return EX_USAGE
  }
}

/** Reads `.env` where there is one; what the environment sets itself stands before it. */
function loadEnvFile(): void {
  if (!existsSync('.env')) return
  try {
    process.loadEnvFile()
  } catch {
    throw new ConfigError([{ name: '.env', reason: 'cannot be read' }])
  }
}

try {
  loadEnvFile()
  const code = await run()
  if (code !== null) process.exitCode = code
} catch (error) {
  if (!(error instanceof ConfigError)) throw error
  process.stderr.write(`The configuration cannot be used:\n${error.message}\n`)
  process.exitCode = EX_CONFIG
}
