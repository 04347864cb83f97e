import { readFileSync } from 'node:fs'
import { parse } from 'yaml'
import { z } from 'zod'

const condition = z.object({ condition: z.string() })

const service = z.looseObject({
  image: z.string(),
  build: z.string().optional(),
  profiles: z.array(z.string()),
  user: z.string().optional(),
  command: z.array(z.string()).default([]),
  environment: z.record(z.string(), z.string()).default({}),
  depends_on: z.record(z.string(), condition).default({}),
  healthcheck: z
    .looseObject({ test: z.array(z.string()).optional(), disable: z.boolean().default(false) })
    .optional(),
  networks: z.array(z.string()).default(['default']),
  ports: z.array(z.string()).default([]),
  secrets: z.array(z.string()).default([]),
  stop_grace_period: z
    .string()
    .regex(/^\d+s$|^1m$/)
    .optional(),
  tmpfs: z.array(z.string()).default([]),
  volumes: z.array(z.string()).default([]),
  read_only: z.boolean(),
  cap_drop: z.array(z.string()),
  security_opt: z.array(z.string()),
  logging: z.object({ driver: z.string(), options: z.record(z.string(), z.string()) }),
  deploy: z.looseObject({
    resources: z.object({
      limits: z.object({ cpus: z.string(), memory: z.string(), pids: z.number() }),
    }),
  }),
})

const project = z.looseObject({
  services: z.record(z.string(), service),
  secrets: z.record(z.string(), z.object({ file: z.string() })),
  networks: z.record(z.string(), z.object({ internal: z.boolean() })),
  volumes: z.record(z.string(), z.null()),
})

/** As much of a service of Compose as the tests look at. */
export type ComposeService = z.infer<typeof service>

/** A Compose file: its text, what it says with its anchors followed, and as much as is looked at. */
export function readCompose(path: string) {
  const text = readFileSync(path, 'utf8')
  const content: unknown = parse(text, { merge: true })
  return { text, content, ...project.parse(content) }
}

/** How long the service may take to stop, s; 10 is Compose's own. */
export const graceOf = ({ stop_grace_period: grace = '10s' }: ComposeService): number =>
  grace === '1m' ? 60 : Number.parseInt(grace, 10)

/** The text with every `$$` that Compose would make a `$`. @throws Error for a variable */
export function unescaped(text: string): string {
  if (/(?<!\$)(\$\$)*\$(?!\$)/.test(text)) throw new Error(`a variable in "${text}"`)
  return text.replaceAll('$$', '$')
}
