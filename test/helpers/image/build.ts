import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, statSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { BASE_ENV, npmSettings } from './base.ts'
import { type Dockerfile, replaceVariables, type Stage, type Step, wordsOf } from './dockerfile.ts'
import { endOf, startInside } from './machine.ts'

/*
 * A builder for Dockerfiles without an engine. It knows the instructions that this project uses, and
 * takes no other. Each stage is one layer, a folder of what its steps have written.
 */

/** What a Dockerfile makes. */
export interface Image {
  /** Folder of all that is not in the base. */
  readonly layer: string
  readonly env: ReadonlyMap<string, string>
  readonly labels: ReadonlyMap<string, string>
  readonly ports: readonly string[]
  readonly volumes: readonly string[]
  readonly dir: string
  /** `uid:gid` */
  readonly user: string
  readonly stopSignal: string
  readonly healthcheck: readonly string[]
  readonly entrypoint: readonly string[]
  readonly command: readonly string[]
}

/** A stage that is being made. */
interface Making extends Image {
  readonly args: Map<string, string>
}

/** What one step changes. */
type Change = Partial<Making>

/** Where a build takes from and puts to. */
export interface Build {
  readonly dockerfile: Dockerfile
  /** Folder of the files that the builder was sent. */
  readonly context: string
  /** The layer that stands for the image of Node. */
  readonly base: string
  /** An empty folder to work in. */
  readonly folder: string
}

/** Makes the last stage. @throws Error for a step that fails, or that it does not know */
export async function buildImage(build: Build): Promise<Image> {
  const made = new Map<string, Image>()
  let last: Image | null = null
  for (const stage of build.dockerfile.stages) {
    // This machine is every platform.
    checkFlags(stage.from)
    const [, , name = `${made.size}`] = stage.from.text.split(/\s+/)
    last = await makeStage(build, stage, { name, made })
    made.set(name, last)
  }
  if (last === null) throw new Error('there is no FROM')
  return last
}

interface Surroundings {
  readonly name: string
  readonly made: ReadonlyMap<string, Image>
}

async function makeStage(build: Build, stage: Stage, around: Surroundings): Promise<Image> {
  const { name, made } = around
  const layer = join(build.folder, `stage-${name}`)
  mkdirSync(layer)
  let making: Making = {
    layer,
    env: BASE_ENV,
    labels: new Map(),
    ports: [],
    volumes: [],
    dir: '/',
    user: '0:0',
    stopSignal: 'SIGTERM',
    healthcheck: [],
    entrypoint: [],
    command: [],
    args: new Map(),
  }
  for (const step of stage.steps) {
    const take = STEPS[step.keyword]
    checkFlags(step)
    if (take === undefined) throw unknown(step)
    const change = await take(step, making, { ...build, made })
    making = { ...making, ...change }
  }
  return making
}

const unknown = ({ line, keyword }: Step): Error =>
  new Error(`line ${line}: this builder does not know ${keyword} so`)

function checkFlags(step: Step): void {
  const known = FLAGS[step.keyword] ?? []
  if ([...step.flags.keys()].some((flag) => !known.includes(flag))) throw unknown(step)
}

const FLAGS: Readonly<Record<string, readonly string[]>> = {
  COPY: ['from'],
  FROM: ['platform'],
  HEALTHCHECK: ['interval', 'timeout', 'start-period', 'retries'],
}

type Take = (
  step: Step,
  making: Making,
  build: Build & { readonly made: ReadonlyMap<string, Image> },
) => Change | Promise<Change>

const STEPS: Readonly<Record<string, Take>> = {
  ARG: ({ properties }, { args }, { dockerfile }) => {
    const declared = properties.map(([name, value]) => {
      const given = value ?? dockerfile.variables.get(name)
      if (given === undefined) throw new Error(`ARG ${name} has no value`)
      return [name, given] as const
    })
    return { args: new Map([...args, ...declared]) }
  },
  CMD: (step) => ({ command: wordsOf(step) }),
  COPY: (step, making, build) => {
    copy(step, making, build)
    return {}
  },
  ENTRYPOINT: (step) => ({ entrypoint: wordsOf(step), command: [] }),
  ENV: ({ properties }, making) => ({ env: withProperties(making.env, properties, making) }),
  EXPOSE: ({ text }) => ({ ports: text.split(/\s+/) }),
  HEALTHCHECK: (step) => ({
    healthcheck: wordsOf({ ...step, text: step.text.replace(/^CMD\s+/, '') }),
  }),
  LABEL: ({ properties }, making) => ({
    labels: withProperties(making.labels, properties, making),
  }),
  RUN: async (step, making, build) => {
    await run(step, making, build)
    return {}
  },
  STOPSIGNAL: ({ text }) => ({ stopSignal: text }),
  USER: ({ text }) => ({ user: text }),
  VOLUME: ({ text }) => ({ volumes: text.split(/\s+/) }),
  WORKDIR: ({ text }, { layer, dir }) => {
    const path = resolve(dir, text)
    mkdirSync(join(layer, path), { recursive: true })
    return { dir: path }
  },
}

const withProperties = (
  before: ReadonlyMap<string, string>,
  properties: Step['properties'],
  { env, args }: Making,
): Map<string, string> => {
  const known = new Map([...args, ...env])
  const added = properties.map(
    ([name, value]) => [name, replaceVariables(value ?? '', known)] as const,
  )
  return new Map([...before, ...added])
}

/** As builders copy: of a folder what is in it; all that is copied is root's. */
function copy(
  { line, text, flags }: Step,
  { layer, dir }: Making,
  { context, made }: Build & { readonly made: ReadonlyMap<string, Image> },
): void {
  const from = flags.get('from')
  const root = from === undefined ? context : made.get(from)?.layer
  const sources = text.split(/\s+/)
  const last = sources.pop() ?? ''
  const to = join(layer, resolve(dir, last))
  for (const source of sources) {
    const path = join(root ?? '', source)
    if (root === undefined || !existsSync(path))
      throw new Error(`line ${line}: there is no ${source} to copy`)
    const isFolder = statSync(path).isDirectory()
    const isInto = !isFolder && (last.endsWith('/') || sources.length > 1)
    const target = isInto ? join(to, basename(source)) : to
    mkdirSync(isFolder ? to : dirname(target), { recursive: true })
    execFileSync('cp', ['-a', isFolder ? `${path}/.` : path, target])
  }
}

async function run(
  { line, text }: Step,
  { layer, env, args, dir, user }: Making,
  { base, folder }: Build,
): Promise<void> {
  const { code, said } = await endOf(
    startInside(
      { base, layer, isWritable: true, folder },
      {
        command: ['/bin/sh', '-c', text],
        env: new Map([...npmSettings(), ['HOME', '/root'], ...args, ...env]),
        dir,
        user: user === '0:0' ? null : user,
        volume: null,
      },
    ),
  )
  if (code !== 0) throw new Error(`line ${line}: RUN ended with ${code}:\n${said}`)
}
