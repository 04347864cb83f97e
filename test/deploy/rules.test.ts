import { globSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { PrometheusRule } from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/PrometheusRule'
import t from 'tap'
import { parse } from 'yaml'
import { z } from 'zod'
import { noPrometheus, promtool } from '../helpers/prometheus.ts'
import { selectorsOf } from '../helpers/promql.ts'
import { RULES, ruleGroups, rulesOf } from '../helpers/rules.ts'
import { runTool } from '../openapi/run-tool.ts'

const ROOT = resolve(import.meta.dirname, '../..')
const TESTS = globSync('deploy/prometheus/tests/*.yml', { cwd: ROOT })
const MONITORING = readFileSync(resolve(ROOT, 'docs/monitoring.md'), 'utf8')

const RECORDS = rulesOf().flatMap((rule) => ('record' in rule ? [rule] : []))
const ALERTS = rulesOf().flatMap((rule) => ('alert' in rule ? [rule] : []))
const NAMES = ALERTS.map(({ alert }) => alert)

/** Alerts whose value says nothing: something is not there. */
const WITHOUT_VALUE = ['AyalonAbsent', 'AyalonInstallationGone', 'AyalonSnapshotMissing']

const unitTests = z.object({
  tests: z.array(
    z.object({
      alert_rule_test: z
        .array(z.object({ alertname: z.string(), exp_alerts: z.array(z.unknown()).default([]) }))
        .default([]),
      promql_expr_test: z
        .array(z.object({ expr: z.string(), exp_samples: z.array(z.unknown()).default([]) }))
        .default([]),
    }),
  ),
})
const cases = TESTS.flatMap(
  (file) => unitTests.parse(parse(readFileSync(resolve(ROOT, file), 'utf8'))).tests,
)

t.test('promtool can read the rules', { skip: noPrometheus() }, async (t) => {
  const { ok, said } = promtool(['check', 'rules', '--lint-fatal', ...RULES])
  t.ok(ok, said)
})

t.test('the operator gets the same rules; `npm run prometheus-rule` writes them', async (t) => {
  const { code, stdout, stderr } = await runTool('scripts/prometheus-rule.ts', [])
  t.equal(code, 0, stderr)
  const written = readFileSync(
    resolve(ROOT, 'deploy/kubernetes/components/monitoring/prometheus-rule.yaml'),
    'utf8',
  )
  t.equal(stdout, written)
  const object = parse(written)
  t.doesNotThrow(() => new PrometheusRule(object).validate())
  const named = z.object({ spec: z.object({ groups: z.array(z.object({ name: z.string() })) }) })
  t.strictSame(
    named.parse(object).spec.groups.map(({ name }) => name),
    ruleGroups().map(({ name }) => name),
  )
})

t.test('each rule does what its unit tests say', { skip: noPrometheus() }, async (t) => {
  const { ok, said } = promtool(['test', 'rules', ...TESTS.map((file) => resolve(ROOT, file))])
  t.ok(ok, said)
})

t.test('each alert is tested to ring and not to ring, and no other is', async (t) => {
  const tested = cases.flatMap((one) => one.alert_rule_test)
  const ringing = tested.filter(({ exp_alerts }) => exp_alerts.length > 0)
  const silent = tested.filter(({ exp_alerts }) => exp_alerts.length === 0)
  for (const some of [ringing, silent])
    t.strictSame([...new Set(some.map(({ alertname }) => alertname))].toSorted(), NAMES.toSorted())
})

t.test('each recording rule has a value that was worked out', async (t) => {
  const asked = cases
    .flatMap((one) => one.promql_expr_test)
    .filter(({ exp_samples }) => exp_samples.length > 0)
    .flatMap(({ expr }) => selectorsOf(expr).map(({ name }) => name))
  t.ok(RECORDS.length > 0)
  for (const { record } of RECORDS) t.ok(asked.includes(record), record)
})

t.test('each alert has its heading in the paper, and each heading its alert', async (t) => {
  const headings = [...MONITORING.matchAll(/^### (Ayalon\w+)$/gm)].map(([, name]) => name)
  t.strictSame(headings.toSorted(), NAMES.toSorted())
  t.equal(new Set(NAMES).size, NAMES.length, 'no two have one name')
})

t.test('each heading has a meaning, a check and a cure', async (t) => {
  for (const section of MONITORING.split(/^#{2,3} (?=Ayalon)/m).slice(1)) {
    const [name = ''] = section.split('\n')
    for (const part of ['**Meaning.** ', '**Check.** ', '**Cure.** '])
      t.equal(section.split(part).length, 2, `${name}: ${part}`)
  }
})

t.test('each alert says how bad it is, what there is, and where to look', async (t) => {
  for (const { alert, labels, annotations } of ALERTS) {
    t.match(labels.severity, /^(critical|warning)$/, alert)
    t.equal(annotations.runbook, `docs/monitoring.md#${alert.toLowerCase()}`)
    t.not(annotations.summary, '', alert)
    t.equal(annotations.description.includes('$value'), !WITHOUT_VALUE.includes(alert), alert)
  }
})

t.test('the paper says of each alert how bad it is and how long it waits', async (t) => {
  for (const { alert, labels, for: wait = 'at once' } of ALERTS)
    t.match(
      MONITORING,
      new RegExp(
        `^\\| \\[${alert}\\]\\(#${alert.toLowerCase()}\\) \\| ${labels.severity} \\| ${wait} \\|`,
        'm',
      ),
      alert,
    )
})
