import { readFileSync } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'
import { PrometheusRule } from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/PrometheusRule'
import { ServiceMonitor } from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/ServiceMonitor'
import { Deployment } from 'kubernetes-models/apps/v1/Deployment'
import { StatefulSet } from 'kubernetes-models/apps/v1/StatefulSet'
import { HorizontalPodAutoscaler } from 'kubernetes-models/autoscaling/v2/HorizontalPodAutoscaler'
import { Job } from 'kubernetes-models/batch/v1/Job'
import { Ingress } from 'kubernetes-models/networking.k8s.io/v1/Ingress'
import { NetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1/NetworkPolicy'
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1/PodDisruptionBudget'
import { ConfigMap } from 'kubernetes-models/v1/ConfigMap'
import { PersistentVolumeClaim } from 'kubernetes-models/v1/PersistentVolumeClaim'
import { Secret } from 'kubernetes-models/v1/Secret'
import { Service } from 'kubernetes-models/v1/Service'
import t from 'tap'
import pkg from '../../package.json' with { type: 'json' }
import { loadConfig } from '../../src/config/setup.ts'
import { unknownFields, validate } from '../helpers/kubernetes.ts'
import { noKustomize } from '../helpers/kustomize.ts'
import {
  environment,
  example,
  NAME,
  operated,
  overlays,
  patchesOf,
  SECRET_VALUES,
  SECRETS,
  VARIABLES,
} from '../helpers/overlays.ts'
import {
  egressOf,
  ingressOf,
  podsOf,
  policiesOf,
  portOf,
  reaches,
  selects,
} from '../helpers/pods.ts'

const REGISTRY = `registry.example.org/${NAME}`
const RULES = readFileSync(
  resolve(import.meta.dirname, '../../deploy/prometheus/rules/alerts.yml'),
  'utf8',
)
/** What `max_connections` of Postgres leaves to those who are no superusers. */
const POSTGRES_CONNECTIONS = 97

t.test('deploy/kubernetes', { skip: noKustomize() }, async (t) => {
  const folder = t.testdir()
  const [{ embedded, replicated }, ...own] = await Promise.all([
    overlays(),
    operated(folder, 'embedded', REGISTRY, ['TRUST_PROXY=10.42.0.0/16']),
    operated(folder, 'replicated', REGISTRY, ['TRUST_PROXY=10.42.0.0/16']),
  ])
  const secret = example('secret.yaml')
  const ingress = example('ingress.yaml')
  const byAddress = example('clients-by-address.yaml')
  const backup = example('backup.yaml')
  const corridors = { name: 'ayalon-corridors', namespace: NAME, literals: ['my-road.json={}'] }
  const [ofApi] = patchesOf('files.yaml')
  const ofSet = { patch: String(ofApi?.patch).replace('kind: Deployment', 'kind: StatefulSet') }
  const withFiles = await Promise.all([
    operated(folder, 'embedded', REGISTRY, [], [corridors], [ofSet]),
    operated(folder, 'replicated', REGISTRY, [], [corridors], patchesOf('files.yaml')),
  ])
  const all = [
    ...[...own, ...withFiles].flatMap(({ objects }) => objects),
    ...secret,
    ...ingress,
    ...byAddress,
    ...backup,
  ]

  t.test('every object is valid by the schemas of Kubernetes', async (t) => {
    for (const object of all) t.doesNotThrow(() => validate(object))
    const [service] = all.filter(Service.is)
    t.throws(() => validate({ ...service, spec: { ports: 'none' } }))
  })

  t.test('no object has a field that Kubernetes does not know', async (t) => {
    const misspelt = [
      ...all.map((object) => Object.assign({}, object, { specs: {} })),
      ...[
        ...all.filter(Deployment.is),
        ...all.filter(HorizontalPodAutoscaler.is),
        ...all.filter(Ingress.is),
        ...all.filter(Job.is),
        ...all.filter(NetworkPolicy.is),
        ...all.filter(PersistentVolumeClaim.is),
        ...all.filter(PodDisruptionBudget.is),
        ...all.filter(PrometheusRule.is),
        ...all.filter(Service.is),
        ...all.filter(ServiceMonitor.is),
        ...all.filter(StatefulSet.is),
      ].map((object) => ({ ...object, spec: { ...object.spec, misspelt: 1 } })),
      ...[...all.filter(Deployment.is), ...all.filter(StatefulSet.is)].map((object) => {
        const copy = structuredClone(object)
        const [container] = copy.spec?.template?.spec?.containers ?? []
        Object.assign(container?.readinessProbe ?? {}, { periodSecond: 1 })
        return copy
      }),
    ]
    t.equal(await unknownFields(folder, all, misspelt), '')
  })

  for (const { name, objects, pods, api } of [embedded, replicated]) {
    t.test(
      `${name}: services find the port of the API, and the migration behind none`,
      async (t) => {
        t.strictSame(
          objects
            .filter(Service.is)
            .map(({ metadata, spec }) => [
              metadata?.name,
              spec?.ports?.map(({ targetPort }) => portOf(api, targetPort)),
              pods.filter(({ labels }) => selects(spec?.selector, labels)).map(({ kind }) => kind),
            ]),
          [
            [NAME, [3000], [api.kind]],
            [`${NAME}-metrics`, [9464], [api.kind]],
          ],
        )
      },
    )

    t.test(`${name}: the network lets through what is needed, and nothing else`, async (t) => {
      const policies = objects.filter(NetworkPolicy.is)
      const deny = policies.find(({ metadata }) => metadata?.name === 'default-deny')
      t.strictSame(deny?.spec, { podSelector: {}, policyTypes: ['Ingress', 'Egress'] })
      t.equal(new Set(pods.flatMap((pod) => policiesOf(pod, objects))).size, policies.length)
      const from = (whom: string) => [
        { namespaceSelector: { matchLabels: { [`${NAME}/${whom}`]: 'allowed' } } },
      ]
      const seen = pods.map((pod) => [pod.kind, ingressOf(pod, objects), egressOf(pod, objects)])
      const ingress = [
        { from: from('clients'), ports: [3000] },
        { from: from('monitoring'), ports: [9464] },
      ]
      t.strictSame(
        seen,
        name === 'embedded'
          ? [['StatefulSet', ingress, [443, 53]]]
          : [
              ['Deployment', ingress, [443, 53, 5432, 6379]],
              ['Job', [], [53, 5432]],
            ],
      )
    })

    t.test(
      `${name}: providers are in public networks, and names asked of the cluster`,
      async (t) => {
        const open = ['192.0.2.1', '2001:db8::1']
        const inner = ['10.0.0.1', '172.31.0.1', '192.168.0.1', '100.64.0.1', 'fd00::1', 'fe80::1']
        const ofNode = ['169.254.169.254', '169.254.20.10', '169.254.25.10']
        t.strictSame(
          [...open, ...inner, ...ofNode].filter((address) => reaches(api, objects, 443, address)),
          open,
        )
        for (const by of ['UDP', 'TCP'] as const)
          t.strictSame(
            [...open, ...inner, ...ofNode].filter((one) => reaches(api, objects, 53, one, by)),
            ofNode,
          )
        for (const address of ofNode) t.notOk(reaches(api, objects, 80, address))
      },
    )

    t.test(
      `${name}: everything is in the namespace, which takes restricted pods only`,
      async (t) => {
        const places = objects.map((object) => {
          const { kind, metadata } = Object(object)
          if (kind !== 'Namespace') return `${metadata.namespace}: ${kind} ${metadata.name}`
          t.equal(metadata.labels['pod-security.kubernetes.io/enforce'], 'restricted')
          return `${metadata.name}: itself`
        })
        t.equal(new Set(places).size, objects.length)
        for (const place of places) t.ok(place.startsWith(`${NAME}: `), place)
      },
    )
  }

  t.test('embedded: two pods never have the volume at once', async (t) => {
    const { objects, api } = embedded
    const [claim, ...others] = objects.filter(PersistentVolumeClaim.is)
    const [data] = api.spec.volumes ?? []
    t.strictSame(
      [data?.persistentVolumeClaim?.claimName, others],
      [claim?.metadata?.name, []],
      'what is kept is in the claim',
    )
    t.strictSame(claim?.spec?.accessModes, ['ReadWriteOnce'])
    t.strictSame(
      embedded.pods.map(({ kind }) => kind),
      ['StatefulSet'],
    )
    const [set] = objects.filter(StatefulSet.is)
    t.equal(set?.spec?.replicas, 1)
    t.strictSame(objects.filter(HorizontalPodAutoscaler.is), [])
    const services = objects.filter(Service.is).map(({ metadata }) => metadata?.name)
    t.ok(services.includes(set?.spec?.serviceName))
  })

  t.test('replicated: pods are added and replaced without fewer of them being ready', async (t) => {
    const { objects, api, pods } = replicated
    const [deployment] = objects.filter(Deployment.is)
    t.strictSame(deployment?.spec?.strategy, {
      type: 'RollingUpdate',
      rollingUpdate: { maxUnavailable: 0, maxSurge: 1 },
    })
    t.notOk(deployment?.spec?.replicas, 'the number is the matter of the autoscaler')
    const [scaler] = objects.filter(HorizontalPodAutoscaler.is)
    const { apiVersion, kind, metadata } = deployment ?? {}
    t.strictSame(scaler?.spec?.scaleTargetRef, { apiVersion, kind, name: metadata?.name })
    t.ok(api.container.resources?.requests?.cpu, 'of which the autoscaler takes its share')
    const { minReplicas = 0, maxReplicas = 0 } = scaler?.spec ?? {}
    const [budget] = objects.filter(PodDisruptionBudget.is)
    t.equal(budget?.spec?.maxUnavailable, 1)
    t.equal(budget?.spec?.unhealthyPodEvictionPolicy, 'AlwaysAllow')
    t.ok(minReplicas > 1)
    const spread = api.spec.topologySpreadConstraints ?? []
    t.strictSame(
      spread.map(({ topologyKey }) => topologyKey),
      ['kubernetes.io/hostname', 'topology.kubernetes.io/zone'],
    )
    for (const { labelSelector } of [...spread, budget?.spec?.selector].map((one) =>
      one !== undefined && 'topologyKey' in one ? one : { labelSelector: one },
    ))
      t.strictSame(
        pods.filter(({ labels }) => selects(labelSelector?.matchLabels, labels)),
        [api],
      )
    const [perPod = 0, ofJob = 0] = pods.map(
      (pod) => loadConfig(environment(pod, replicated, SECRET_VALUES)).DATABASE_POOL_SIZE,
    )
    t.ok((maxReplicas + 1) * perPod + ofJob <= POSTGRES_CONNECTIONS)
  })

  t.test('replicated: the migration runs once, and gives up where it cannot succeed', async (t) => {
    const [job, ...others] = replicated.objects.filter(Job.is)
    t.strictSame(others, [])
    t.equal(job?.spec?.template?.spec?.restartPolicy, 'Never')
    t.ok(job?.spec?.ttlSecondsAfterFinished)
    t.strictSame(job?.spec?.podFailurePolicy?.rules?.[0]?.onExitCodes?.values, [64, 78])
  })

  t.test('the image is that of this version, from whatever registry', async (t) => {
    for (const { pods } of [embedded, replicated])
      for (const { container } of pods) t.equal(container.image, `${NAME}:${pkg.version}`)
    for (const { pods } of own)
      for (const { container } of pods) t.equal(container.image, `${REGISTRY}:${pkg.version}`)
  })

  t.test('own settings stand before those of an overlay, in every pod', async (t) => {
    for (const overlay of own)
      for (const pod of overlay.pods) {
        const { TRUST_PROXY, LOG_FORMAT } = loadConfig(environment(pod, overlay, SECRET_VALUES))
        t.strictSame([TRUST_PROXY, LOG_FORMAT], [['10.42.0.0/16'], 'json'])
      }
  })

  t.test('the monitoring scrapes the metrics of the API, and is in no overlay', async (t) => {
    for (const { objects } of [embedded, replicated])
      t.strictSame([...objects.filter(ServiceMonitor.is), ...objects.filter(PrometheusRule.is)], [])
    for (const { objects, api } of own) {
      const [monitor, ...others] = objects.filter(ServiceMonitor.is)
      const chosen = objects
        .filter(Service.is)
        .filter(({ metadata }) => selects(monitor?.spec?.selector.matchLabels, metadata?.labels))
      t.strictSame(
        [others, chosen.map(({ metadata }) => metadata?.name)],
        [[], [`${NAME}-metrics`]],
      )
      t.equal(monitor?.metadata?.namespace, NAME)
      t.strictSame(
        objects.filter(PrometheusRule.is).map(({ metadata }) => metadata?.namespace),
        [NAME],
      )
      const label = String(monitor?.spec?.jobLabel)
      t.match(RULES, `job="${chosen[0]?.metadata?.labels?.[label]}"`, 'the job of the rules')
      t.ok(chosen[0]?.spec?.publishNotReadyAddresses, 'a pod that is not ready is scraped too')
      const named = monitor?.spec?.endpoints?.map(({ port }) => port)
      const ports = chosen[0]?.spec?.ports ?? []
      t.strictSame(
        named,
        ports.map(({ name }) => name),
      )
      t.strictSame(
        ports.map(({ targetPort }) => portOf(api, targetPort)),
        [9464],
      )
    }
  })

  t.test('the example of a Secret has every secret, and none that could be used', async (t) => {
    const [given] = secret.filter(Secret.is)
    t.strictSame([given?.metadata?.name, given?.metadata?.namespace], [NAME, NAME])
    t.strictSame(Object.keys(given?.stringData ?? {}).toSorted(), SECRETS.toSorted())
    for (const overlay of [embedded, replicated])
      t.throws(() => loadConfig(environment(overlay.api, overlay, given?.stringData ?? {})), {
        message: /API_KEYS/,
      })
    const values = { ...given?.stringData, API_KEYS: '' }
    t.throws(() => loadConfig(environment(replicated.api, replicated, values)), {
      message: /KEY_PEPPER/,
    })
  })

  t.test('the example of files puts into each pod what its settings name', async (t) => {
    const settings = withFiles.map(({ objects, pods }) =>
      pods.map(({ container, spec }) => {
        const named = (container.env ?? []).filter(({ value }) => value?.startsWith('/'))
        for (const { name, value = '' } of named) {
          t.ok(VARIABLES.includes(name), name)
          const mount = container.volumeMounts?.find(({ mountPath }) =>
            [value, dirname(value)].includes(mountPath),
          )
          const { configMap, secret: files } = Object(
            spec.volumes?.find((volume) => volume.name === mount?.name),
          )
          const map = objects
            .filter(ConfigMap.is)
            .find(({ metadata }) => metadata?.name === configMap?.name)
          if (configMap) t.strictSame(Object.keys(map?.data ?? {}), ['my-road.json'])
          else {
            t.equal(files?.secretName, NAME)
            t.ok(
              files?.items.some(({ path }: { path: string }) => path === basename(value)),
              name,
            )
          }
        }
        return named.map(({ name }) => name)
      }),
    )
    const ofPod = ['CORRIDORS_DIR', 'DATABASE_CA_FILE', 'HERE_API_KEY_FILE']
    t.strictSame(settings, [[ofPod], [ofPod, ['DATABASE_CA_FILE']]])
  })

  t.test(
    'the example for clients by address opens the port of the API, and no other',
    async (t) => {
      const from = [{ ipBlock: { cidr: '192.0.2.0/24' } }]
      for (const { pods } of [embedded, replicated])
        for (const pod of pods) {
          const isApi = pod.labels['app.kubernetes.io/component'] === 'api'
          t.strictSame(ingressOf(pod, byAddress), isApi ? [{ from, ports: [3000] }] : [])
        }
      const [policy] = byAddress.filter(NetworkPolicy.is)
      t.equal(policy?.metadata?.namespace, NAME)
    },
  )

  t.test(
    'the example of a backup is of this version, and may do what the migration may',
    async (t) => {
      const [pod, ...others] = podsOf(backup)
      const [job] = replicated.pods.filter(({ kind }) => kind === 'Job')
      if (pod === undefined || job === undefined) throw new Error('there is one of each')
      t.strictSame(others, [])
      t.equal(pod.container.image, `${NAME}:${pkg.version}`)
      t.match(pod.container.args?.[0], / src\/main\.ts backup /)
      t.strictSame(egressOf(pod, replicated.objects), egressOf(job, replicated.objects))
      t.strictSame(pod.container.securityContext, job.container.securityContext)
      t.match(pod.spec.securityContext, job.spec.securityContext ?? {})
      const variables = environment(pod, replicated, SECRET_VALUES)
      t.strictSame(Object.keys(variables), ['DATABASE_URL'])
      t.doesNotThrow(() => loadConfig(variables))
      const [claim] = backup.filter(PersistentVolumeClaim.is)
      const [volume] = pod.spec.volumes ?? []
      t.equal(volume?.persistentVolumeClaim?.claimName, claim?.metadata?.name)
    },
  )

  t.test('the example of an ingress leads to the API', async (t) => {
    const [given] = ingress.filter(Ingress.is)
    t.equal(given?.metadata?.namespace, NAME)
    const [rule] = given?.spec?.rules ?? []
    const backend = rule?.http?.paths?.[0]?.backend.service
    for (const { objects, api } of [embedded, replicated]) {
      const service = objects
        .filter(Service.is)
        .find(({ metadata }) => metadata?.name === backend?.name)
      const port = service?.spec?.ports?.find(({ name }) => name === backend?.port?.name)
      t.equal(portOf(api, port?.targetPort), 3000)
    }
  })
})
