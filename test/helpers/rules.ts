import { globSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parse } from 'yaml'
import { z } from 'zod'

const FOLDER = resolve(import.meta.dirname, '../../deploy/prometheus/rules')

/** The files of rules that Prometheus gets. */
export const RULES = globSync('*.yml', { cwd: FOLDER })
  .toSorted()
  .map((file) => join(FOLDER, file))

const record = z.strictObject({
  record: z.string(),
  expr: z.string(),
  labels: z.record(z.string(), z.string()).default({}),
})
const alert = z.strictObject({
  alert: z.string(),
  expr: z.string(),
  for: z.string().optional(),
  labels: z.strictObject({ severity: z.string() }),
  annotations: z.strictObject({
    summary: z.string(),
    description: z.string(),
    runbook: z.string(),
  }),
})
const file = z.strictObject({
  groups: z.array(
    z.strictObject({
      name: z.string(),
      interval: z.string().optional(),
      rules: z.array(z.union([record, alert])),
    }),
  ),
})

/** The groups of all files. */
export const ruleGroups = (): z.infer<typeof file>['groups'] =>
  RULES.flatMap((path) => file.parse(parse(readFileSync(path, 'utf8'))).groups)

/** Every rule, which is a recording one or an alert. */
export const rulesOf = () => ruleGroups().flatMap(({ rules }) => rules)
