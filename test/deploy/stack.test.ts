import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { PrometheusRule } from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/PrometheusRule'
import { ServiceMonitor } from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/ServiceMonitor'
import { ConfigMap } from 'kubernetes-models/v1/ConfigMap'
import t from 'tap'
import { parse } from 'yaml'
import { z } from 'zod'
import { build, noKustomize } from '../helpers/kustomize.ts'
import { papers } from '../helpers/papers.ts'

const DEPLOY = resolve(import.meta.dirname, '../../deploy')
const DASHBOARD = 'grafana/dashboards/ayalon.json'

/** What docs/monitoring.md adds to a kustomization for kube-prometheus-stack. */
const ADDED = papers()
  .filter(({ path }) => path === 'docs/monitoring.md')
  .flatMap(({ fences }) => fences.filter(({ text }) => text.startsWith('patches:')))
  .map(({ text }) => z.record(z.string(), z.unknown()).parse(parse(text)))

t.test(
  'kube-prometheus-stack finds monitor, rules and dashboard',
  { skip: noKustomize() },
  async (t) => {
    const folder = t.testdir()
    for (const part of ['kubernetes', 'grafana']) {
      const to = join(folder, 'ayalon-congestion-impact/deploy', part)
      mkdirSync(to, { recursive: true })
      cpSync(join(DEPLOY, part), to, { recursive: true })
    }
    t.equal(ADDED.length, 1)
    const from = 'ayalon-congestion-impact/deploy/kubernetes'
    const kustomization = {
      ...ADDED[0],
      resources: [`${from}/overlays/replicated`],
      components: [`${from}/components/monitoring`],
    }
    // JSON is YAML.
    writeFileSync(join(folder, 'kustomization.yaml'), JSON.stringify(kustomization))
    const objects = await build(folder)
    for (const watched of [objects.filter(ServiceMonitor.is), objects.filter(PrometheusRule.is)])
      t.strictSame(
        watched.map(({ metadata }) => metadata?.labels),
        [{ release: 'kube-prometheus-stack' }],
      )
    const boards = objects
      .filter(ConfigMap.is)
      .filter(({ metadata }) => metadata?.labels?.grafana_dashboard === '1')
    t.strictSame(
      boards.map(({ data }) => data),
      [{ 'ayalon.json': readFileSync(join(DEPLOY, DASHBOARD), 'utf8') }],
    )
  },
)
