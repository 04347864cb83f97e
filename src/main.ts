import { existsSync } from 'node:fs'
import { checkCorridor } from './commands/check-corridor.ts'
import { migrateDatabase } from './commands/migrate.ts'
import { serve } from './commands/serve.ts'
import { validate } from './commands/validate.ts'
import { ConfigError } from './config/faults.ts'

/** Exit code for a configuration that cannot be used (EX_CONFIG of sysexits.h). */
const EX_CONFIG = 78
/** Exit code for a wrong command line (EX_USAGE). */
const EX_USAGE = 64

const [command = 'serve', ...args] = process.argv.slice(2)
const print = (line: string): void => void process.stdout.write(`${line}\n`)

/** Runs a command; null while the service runs on. */
async function run(): Promise<number | null> {
  switch (command) {
    case 'serve':
      await serve({
        environment: process.env,
        memory: { available: process.availableMemory, limit: process.constrainedMemory },
      })
      return null
    case 'check-corridor':
      return checkCorridor(args, process.env, print)
    case 'validate':
      return validate(args, print)
    case 'migrate':
      return migrateDatabase(args, process.env, print)
    default:
      process.stderr.write(
        `unknown command "${command}": serve, check-corridor, validate or migrate\n`,
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
