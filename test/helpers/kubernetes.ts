import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PrometheusRule } from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/PrometheusRule'
import { ServiceMonitor } from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/ServiceMonitor'
import { Deployment } from 'kubernetes-models/apps/v1/Deployment'
import { StatefulSet } from 'kubernetes-models/apps/v1/StatefulSet'
import { HorizontalPodAutoscaler } from 'kubernetes-models/autoscaling/v2/HorizontalPodAutoscaler'
import { CronJob } from 'kubernetes-models/batch/v1/CronJob'
import { Job } from 'kubernetes-models/batch/v1/Job'
import { Ingress } from 'kubernetes-models/networking.k8s.io/v1/Ingress'
import { NetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1/NetworkPolicy'
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1/PodDisruptionBudget'
import { ConfigMap } from 'kubernetes-models/v1/ConfigMap'
import { Namespace } from 'kubernetes-models/v1/Namespace'
import { PersistentVolumeClaim } from 'kubernetes-models/v1/PersistentVolumeClaim'
import { Secret } from 'kubernetes-models/v1/Secret'
import { Service } from 'kubernetes-models/v1/Service'
import { runTool } from '../openapi/run-tool.ts'

/* Objects of Kubernetes, checked by its own schemas. */

interface ModelOf<T> {
  new (data: T): { validate(): void }
  is(value: unknown): value is T
  readonly apiVersion: string
  readonly kind: string
}

interface Kind {
  readonly apiVersion: string
  readonly kind: string
  is(value: unknown): boolean
  /** @throws what the schema says is wrong; fields that it does not know are none of its matter */
  validate(value: unknown): void
}

const kind = <T>(Model: ModelOf<T>): Kind => ({
  apiVersion: Model.apiVersion,
  kind: Model.kind,
  is: (value) => Model.is(value),
  validate(value) {
    if (Model.is(value)) new Model(value).validate()
  },
})

const KINDS = [
  kind(ConfigMap),
  kind(CronJob),
  kind(Deployment),
  kind(HorizontalPodAutoscaler),
  kind(Ingress),
  kind(Job),
  kind(Namespace),
  kind(NetworkPolicy),
  kind(PersistentVolumeClaim),
  kind(PodDisruptionBudget),
  kind(PrometheusRule),
  kind(Secret),
  kind(Service),
  kind(ServiceMonitor),
  kind(StatefulSet),
]

/** @throws Error where none of the kinds is meant: a wrong version, say */
function kindOf(object: unknown): Kind {
  const found = KINDS.find((one) => one.is(object))
  if (found === undefined) throw new Error(`no schema is known of ${JSON.stringify(object)}`)
  return found
}

/** @throws what the schema says is wrong with the object */
export const validate = (object: unknown): void => kindOf(object).validate(object)

const MODULES = {
  'monitoring.coreos.com': '@kubernetes-models/prometheus-operator/monitoring.coreos.com',
}
const TSC = 'node_modules/typescript/bin/tsc'
const OPTIONS = { strict: true, noEmit: true, module: 'nodenext', skipLibCheck: true, types: [] }

/**
 * What the compiler says of the objects as literals of their types, where a field that a type does
 * not know is an error; nothing when all are right.
 * @param folder to work in, below the packages
 * @param misspelt objects of which each must have such a field: it is told where one has not
 */
export async function unknownFields(
  folder: string,
  objects: readonly unknown[],
  misspelt: readonly unknown[],
): Promise<string> {
  const literal = (object: unknown): string => {
    const { apiVersion, kind: name } = kindOf(object)
    const module = Object.entries(MODULES).reduce(
      (path, [group, from]) => path.replace(`kubernetes-models/${group}`, from),
      `kubernetes-models/${apiVersion}`,
    )
    return `;(${JSON.stringify(object)}) satisfies import('${module}/${name}').I${name}`
  }
  const lines = [
    ...objects.map(literal),
    ...misspelt.map((object) => `// @ts-expect-error\n${literal(object)}`),
  ]
  writeFileSync(join(folder, 'objects.mts'), `${lines.join('\n')}\nexport {}\n`)
  const config = join(folder, 'tsconfig.json')
  writeFileSync(config, JSON.stringify({ compilerOptions: OPTIONS, files: ['objects.mts'] }))
  const { code, stdout, stderr } = await runTool(TSC, ['-p', config])
  return code === 0 ? '' : `exit code ${code}\n${stdout}${stderr}`
}
