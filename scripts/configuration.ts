import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { environmentSchema } from '../src/config/environment.ts'

/**
 * Prints docs/configuration.md: every variable of the schema, in the groups of `.env.example`, of
 * which a test holds that it names them all, with their descriptions and defaults.
 */
const HEAD = `# Configuration

<!-- Written by \`npm run configuration\` from src/config/environment.ts and .env.example. -->

The service is configured by its environment alone. \`npm start\` and the commands also read a file \`.env\` of the folder
they are started in; what the environment sets itself stands before it. A blank value counts as not set. All faults
are told at once, and the process exits with 78. A variable is read when the process starts: to change one, restart.
What is in files that are marked below is read again.

## Secrets

Each is given by itself or, better, in a file (\`NAME_FILE\`), never in both. It is \`[REDACTED]\` wherever it would show.

| secret | its file is read again |
|---|---|
`

/** What follows from the code that asks for the secret; a variable with a file must stand here. */
const READ_AGAIN: ReadonlyMap<string, string> = new Map([
  ['HERE_API_KEY', 'before each call to HERE'],
  ['TOMTOM_API_KEY', 'before each call to TomTom'],
  ['DATABASE_URL', 'for its password, with each new connection; another server needs a restart'],
  ['REDIS_URL', 'whenever a connection to Redis ends'],
  ['API_KEYS', 'when a key is looked at'],
  ['KEY_PEPPER', 'within five seconds; another pepper ends every issued key'],
])

/** As much of a JSON schema as says which values there are. */
const described = z.object({
  type: z.string().optional(),
  format: z.string().optional(),
  enum: z.array(z.string()).optional(),
  items: z.object({ enum: z.array(z.string()) }).optional(),
  minimum: z.number().optional(),
  maximum: z.number().optional(),
  anyOf: z.array(z.object({ minimum: z.number().optional() })).optional(),
})
const schemaOf = z.object({ properties: z.record(z.string(), described) })
const properties = (io: 'input' | 'output') =>
  schemaOf.parse(z.toJSONSchema(environmentSchema, { io, unrepresentable: 'any' })).properties
const [given, read] = [properties('input'), properties('output')]

const code = (names: readonly string[]): string => names.map((name) => `\`${name}\``).join(', ')
const count = (number: number): string => number.toLocaleString('en')

/** Which values a variable takes, where its schema says more than that it is a text. */
function valuesOf(name: string): string {
  const { minimum, maximum, enum: names, items, anyOf } = read[name] ?? {}
  if (minimum !== undefined && maximum !== undefined)
    return `${count(minimum)} to ${count(maximum)}`
  if (names !== undefined) return code(names)
  if (items !== undefined) return `list of ${code(items.enum)}`
  if (anyOf !== undefined) return `from ${count(anyOf[0]?.minimum ?? 0)}, or \`none\``
  return given[name]?.format === 'uri' ? 'http or https URL' : 'text'
}

const row = (...cells: readonly string[]): string =>
  `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`

const shape = new Map(Object.entries(environmentSchema.shape))
const secrets = [...shape.keys()].filter((name) => shape.has(`${name}_FILE`))
const lines = secrets.map((name) => {
  const again = READ_AGAIN.get(name)
  if (again === undefined) throw new Error(`when is the file of ${name} read again?`)
  return row(code([name, `${name}_FILE`]), again)
})

for (const line of readFileSync('.env.example', 'utf8').split('\n')) {
  if (line.startsWith('## '))
    lines.push('', line, '', '| variable | default | values | what |', '|---|---|---|---|')
  const [, name = '', value = ''] = /^# ([A-Z0-9_]+)=(.*)$/.exec(line) ?? []
  const what = shape.get(name)?.description
  if (what === undefined) continue
  lines.push(row(code([name]), value === '' ? '' : code([value]), valuesOf(name), what))
}
process.stdout.write(`${HEAD}${lines.join('\n')}\n`)
