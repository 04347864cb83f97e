import { deleteKey, insertKey, type KeptKey, MOST_KEYS, readKeys } from '../access/kept-keys.ts'
import { type KeyOrder, makeKey } from '../access/key-order.ts'
import { NoPepper, type Pepper, pepperFor, pepperOf } from '../access/pepper.ts'
import { AuditTrail } from '../audit-trail.ts'
import type { Clock } from '../clock.ts'
import type { Variables } from '../config/config.ts'
import { ConfigError } from '../config/faults.ts'
import { loadSetup } from '../config/setup.ts'
import type { Connection } from '../storage/connection.ts'
import { isoTime } from '../views/json.ts'
import { EX_DATAERR, EX_UNAVAILABLE, EX_USAGE } from './exit-codes.ts'
import { type KeysTask, readKeysArgs } from './keys-args.ts'
import { withConnection } from './with-connection.ts'

const USAGE = `usage: npm run keys -- create --name NAME --scope SCOPE [--expires TIME] [--per-minute N] [--per-hour N]
       npm run keys -- list
       npm run keys -- revoke ID`

/** What a task is done with. */
interface Means {
  readonly connection: Connection
  readonly pepper: Pepper
  readonly clock: Clock
  readonly print: (line: string) => void
  /** Tells what is not the result itself. */
  readonly note: (line: string) => void
  readonly record: (event: 'keyCreated' | 'keyRevoked', id: string) => void
}

/**
 * Makes a key of the database and prints it once, lists the keys, or ends one.
 * @returns the exit code: 0 done, 64 wrong usage, 65 there is no such key or there are too many,
 * 69 the database or the pepper cannot be used
 * @throws ConfigError when the environment is wrong, or a server has the database and there is no pepper
 */
export async function manageKeys(
  args: readonly string[],
  environment: Variables,
  { print, note }: Pick<Means, 'print' | 'note'>,
  clock: Clock,
): Promise<number> {
  const setup = loadSetup(environment)
  const { config } = setup
  const task = readKeysArgs(args, clock.now())
  if (typeof task === 'string') {
    print(`${task}\n${USAGE}`)
    return EX_USAGE
  }
  const pepper = pepperOf(config)
  if (pepper === null)
    throw new ConfigError([
      { name: 'KEY_PEPPER', reason: 'is needed for keys in the database of a server' },
    ])
  const trail = new AuditTrail({
    dataDir: config.DATA_DIR,
    retentionDays: config.AUDIT_RETENTION_DAYS,
    clock,
    onFault: () => note('This could not be written to the audit log.'),
  })
  return withConnection(setup, print, (connection) =>
    run(task, {
      connection,
      pepper,
      clock,
      print,
      note,
      record: (event, subject) => trail.record({ event, subject, via: 'commandLine' }),
    }),
  )
}

async function run(task: KeysTask, means: Means): Promise<number> {
  switch (task.do) {
    case 'create':
      return create(task.order, means)
    case 'list':
      return list(means)
    case 'revoke':
      return revoke(task.id, means)
  }
}

async function create(order: KeyOrder, means: Means): Promise<number> {
  const { connection, pepper, clock, print, note, record } = means
  try {
    const keys = await connection.use(({ read }) => readKeys(read))
    const made = makeKey(order, await pepperFor(pepper, keys), clock.now())
    if (!(await connection.use(({ write }) => insertKey(write, made.kept)))) {
      print(`There are ${MOST_KEYS} keys, and no more can be: revoke one.`)
      return EX_DATAERR
    }
    record('keyCreated', made.kept.id)
    print(made.key)
    note(`This is shown only once. Its id is ${made.kept.id}.`)
    return 0
  } catch (error) {
    if (!(error instanceof NoPepper)) throw error
    print(`No key can be made: ${error.message}.`)
    return EX_UNAVAILABLE
  }
}

async function list({ connection, print }: Means): Promise<number> {
  const keys = await connection.use(({ read }) => readKeys(read))
  for (const key of keys) print(lineOf(key))
  if (keys.length === 0) print('there are no keys')
  return 0
}

async function revoke(id: string, { connection, print, record }: Means): Promise<number> {
  if (!(await connection.use(({ write }) => deleteKey(write, id)))) {
    print(`there is no key ${id}`)
    return EX_DATAERR
  }
  record('keyRevoked', id)
  print(`revoked ${id}`)
  return 0
}

function lineOf({ id, scope, name, limits, ...key }: KeptKey): string {
  const time = (atMs: number | null): string => (atMs === null ? 'never' : isoTime(atMs))
  const parts = [
    `created ${isoTime(key.createdMs)}`,
    `expires ${time(key.expiresMs)}`,
    `last used ${time(key.lastUsedMs)}`,
    ...(limits.perMinute === null ? [] : [`${limits.perMinute} a minute`]),
    ...(limits.perHour === null ? [] : [`${limits.perHour} an hour`]),
  ]
  return `${id} ${scope} "${name}": ${parts.join(', ')}`
}
