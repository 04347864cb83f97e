import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse, stringify } from 'yaml'
import { z } from 'zod'

/**
 * Prints deploy/kubernetes/components/monitoring/prometheus-rule.yaml: the rules of
 * deploy/prometheus/rules as the Prometheus operator takes them.
 */
const FOLDER = 'deploy/prometheus/rules'
const NAME = 'ayalon-congestion-impact'

const rules = z.object({ groups: z.array(z.unknown()) })
const groups = globSync('*.yml', { cwd: FOLDER })
  .toSorted()
  .flatMap((file) => rules.parse(parse(readFileSync(join(FOLDER, file), 'utf8'))).groups)

const object = {
  apiVersion: 'monitoring.coreos.com/v1',
  kind: 'PrometheusRule',
  metadata: { name: NAME, namespace: NAME },
  spec: { groups },
}
process.stdout.write(
  `# Written by \`npm run prometheus-rule\` from ${FOLDER}, where each rule says why it is so.\n${stringify(object, { lineWidth: 0 })}`,
)
