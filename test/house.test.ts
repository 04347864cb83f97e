import { globSync, readFileSync } from 'node:fs'
import { join, normalize, resolve } from 'node:path'
import t from 'tap'

const ROOT = resolve(import.meta.dirname, '..')

/** The rooms of the house by floor, from the top, as CONTRIBUTING.md lists them. */
const [, list = ''] =
  /^```text\n([\s\S]*?)^```/m.exec(readFileSync(join(ROOT, 'CONTRIBUTING.md'), 'utf8')) ?? []
const FLOORS = list
  .trim()
  .split('\n')
  .map((line) => line.split(/ {2,}/, 1)[0]?.split(' ') ?? [])
const floorOf = (room: string): number => FLOORS.findIndex((rooms) => rooms.includes(room))

interface Import {
  readonly file: string
  /** A path in `src`, or the name of a package. */
  readonly of: string
}

const FROM = /(?:^import |^export [^'\n]*from |^\} from |from |import\()'([^']+)'/gm

const FILES = globSync('src/**/*.ts', { cwd: ROOT })
const IMPORTS: Import[] = FILES.flatMap((file) =>
  [...readFileSync(join(ROOT, file), 'utf8').matchAll(FROM)].map(([, of = '']) => ({
    file,
    of: of.startsWith('.') ? normalize(join(file, '..', of)) : of,
  })),
)

/** The parts of a path below `src`; none for a package, or what is outside. */
const partsOf = (path: string): string[] =>
  path.startsWith('src/') ? path.split('/').slice(1) : []
const told = ({ file, of }: Import): string => `${file} imports ${of}`

t.test(
  'every room of the source is in the list, and every room of the list is there',
  async (t) => {
    const rooms = new Set(FILES.map((file) => partsOf(file)[0] ?? ''))
    t.strictSame([...rooms].toSorted(), FLOORS.flat().toSorted())
  },
)

t.test('imports go down the list, or stay on their floor', async (t) => {
  const inside = IMPORTS.filter(({ of }) => partsOf(of).length > 0)
  t.ok(inside.length > 500, `${inside.length} imports`)
  const up = inside.filter(
    ({ file, of }) => floorOf(partsOf(of)[0] ?? '') < floorOf(partsOf(file)[0] ?? ''),
  )
  t.strictSame(up.map(told), [])
})

t.test('the model and the corridors import nothing that could make them impure', async (t) => {
  const allowed = { impact: ['impact'], corridors: ['impact', 'corridors', 'zod'] }
  for (const [room, rooms] of Object.entries(allowed)) {
    const own = IMPORTS.filter(({ file }) => partsOf(file)[0] === room)
    t.ok(own.length > 10, `${own.length} imports in ${room}`)
    const others = own.filter(({ of }) => !rooms.includes(partsOf(of)[0] ?? of))
    t.strictSame(others.map(told), [])
    const impure = FILES.filter((file) => partsOf(file)[0] === room).filter((file) =>
      /\bDate\.now\(|\bnew Date\(\)|Math\.random|\bsetTimeout\b|\bfetch\(/.test(
        readFileSync(join(ROOT, file), 'utf8'),
      ),
    )
    t.strictSame(impure, [])
  }
})

t.test('modules do not import each other, nor do adapters', async (t) => {
  const isOther = ({ file, of }: Import): boolean => {
    const [room, own = '', ...inFolder] = partsOf(file)
    const [there, other = '', ...inOther] = partsOf(of)
    const bothAreFolders = inFolder.length > 0 && inOther.length > 0
    return room === there && bothAreFolders && own !== other && other !== 'upstream'
  }
  for (const room of ['modules', 'providers']) {
    const own = IMPORTS.filter(({ file }) => partsOf(file)[0] === room)
    t.ok(own.length > 10, `${own.length} imports in ${room}`)
    t.strictSame(own.filter(isOther).map(told), [])
  }
})

t.test('only main.ts touches the process', async (t) => {
  const touching = FILES.filter((file) => {
    // Comments speak of processes too.
    const code = readFileSync(join(ROOT, file), 'utf8').replaceAll(/^\s*(\/\/|\*|\/\*).*$/gm, '')
    return /(?<![\w.'/])process\.\w|from '(?:node:)?process'/.test(code)
  })
  t.strictSame(touching, ['src/main.ts'])
})
