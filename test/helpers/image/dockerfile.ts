import { readFileSync } from 'node:fs'
import {
  DockerfileParser,
  type Instruction,
  ModifiableInstruction,
  PropertyInstruction,
} from 'dockerfile-ast'

/** One instruction of a Dockerfile, its variables not yet replaced. */
export interface Step {
  readonly line: number
  readonly keyword: string
  readonly flags: ReadonlyMap<string, string>
  readonly text: string
  /** Of ARG, ENV and LABEL. */
  readonly properties: readonly (readonly [name: string, value: string | null])[]
}

/** What stands between two FROM. */
export interface Stage {
  readonly from: Step
  readonly steps: readonly Step[]
}

/** A Dockerfile: the variables before the first FROM, and its stages. */
export interface Dockerfile {
  readonly variables: ReadonlyMap<string, string>
  readonly stages: readonly Stage[]
}

export function readDockerfile(path: string): Dockerfile {
  const steps = DockerfileParser.parse(readFileSync(path, 'utf8')).getInstructions().map(stepOf)
  const starts = steps.flatMap(({ keyword }, at) => (keyword === 'FROM' ? [at] : []))
  const stages = starts.flatMap((start, at) => {
    const [from, ...rest] = steps.slice(start, starts[at + 1])
    return from === undefined ? [] : [{ from, steps: rest }]
  })
  const variables = steps
    .slice(0, starts[0])
    .flatMap(({ properties }) => properties.map(([name, value]) => [name, value ?? ''] as const))
  return { variables: new Map(variables), stages }
}

const stepOf = (instruction: Instruction): Step => ({
  line: instruction.getRange().start.line + 1,
  keyword: instruction.getKeyword(),
  flags: new Map(
    instruction instanceof ModifiableInstruction
      ? instruction.getFlags().map((flag) => [flag.getName(), flag.getValue() ?? ''])
      : [],
  ),
  text: instruction.getArgumentsContent() ?? '',
  properties:
    instruction instanceof PropertyInstruction
      ? instruction.getProperties().map((one) => [one.getName(), one.getValue()])
      : [],
})

/** @throws Error for a variable that is not known, and for a form that is not `$A` or `${A}` */
export function replaceVariables(text: string, variables: ReadonlyMap<string, string>): string {
  return text.replaceAll(/\$(?:\{(\w+)\}|(\w+)|.?)/g, (form, braced, plain) => {
    const value = variables.get(braced ?? plain)
    if (value === undefined) throw new Error(`"${form}" is not known in "${text}"`)
    return value
  })
}

/** The words of `["a", "b"]`. @throws Error for the form without brackets, which a shell would read */
export function wordsOf({ line, keyword, text }: Step): string[] {
  const words: unknown = text.startsWith('[') ? JSON.parse(text) : null
  if (!Array.isArray(words)) throw new Error(`line ${line}: ${keyword} must be a list in brackets`)
  return words.map(String)
}
