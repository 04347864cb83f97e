import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { ConfigMap } from 'kubernetes-models/v1/ConfigMap'
import { Secret } from 'kubernetes-models/v1/Secret'
import t from 'tap'
import openapi from '../../openapi.json' with { type: 'json' }
import { loadConfig } from '../../src/config/setup.ts'
import { STOP_MS } from '../../src/stop-bounds.ts'
import { noKustomize } from '../helpers/kustomize.ts'
import { environment, overlays, SECRET_VALUES, SECRETS, VARIABLES } from '../helpers/overlays.ts'
import { type Pod, portOf } from '../helpers/pods.ts'

const DOCKERFILE = readFileSync(resolve(import.meta.dirname, '../../Dockerfile'), 'utf8')

/** After the bounds of a stop the process is cut so much later, s: src/commands/stop-with-grace.ts. */
const SLACK_SECONDS = 2

/** The restricted Pod Security Standard, which stays in force where a container says nothing else; and the image's user. */
const RESTRICTED: readonly [string, (pod: Pod) => unknown, unknown][] = [
  [
    'user and seccomp',
    ({ spec }) => ({
      ...spec.securityContext,
      fsGroup: 1000,
      fsGroupChangePolicy: 'OnRootMismatch',
    }),
    {
      runAsNonRoot: true,
      runAsUser: 1000,
      runAsGroup: 1000,
      fsGroup: 1000,
      fsGroupChangePolicy: 'OnRootMismatch',
      seccompProfile: { type: 'RuntimeDefault' },
    },
  ],
  [
    'rights of the container',
    ({ container }) => container.securityContext,
    {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    },
  ],
  ['no token', ({ spec }) => spec.automountServiceAccountToken, false],
  ['no variables of other services', ({ spec }) => spec.enableServiceLinks, false],
  ['network of the host', ({ spec }) => spec.hostNetwork, undefined],
  ['processes of the host', ({ spec }) => spec.hostPID, undefined],
  ['memory of the host', ({ spec }) => spec.hostIPC, undefined],
  [
    'ports of the host',
    ({ container }) => container.ports?.some(({ hostPort }) => hostPort) ?? false,
    false,
  ],
  [
    'volumes of the host',
    ({ spec }) => spec.volumes?.some((one) => !one.emptyDir && !one.persistentVolumeClaim) ?? false,
    false,
  ],
  ['other containers', ({ spec }) => spec.initContainers ?? spec.ephemeralContainers, undefined],
]

t.test('the pods of deploy/kubernetes', { skip: noKustomize() }, async (t) => {
  const { embedded, replicated } = await overlays()
  for (const overlay of [embedded, replicated]) {
    const { name, objects, pods, api } = overlay
    const withAll = loadConfig(environment(api, overlay, SECRET_VALUES))

    t.test(`${name}: every pod keeps to the restricted profile`, async (t) => {
      for (const pod of pods)
        for (const [rule, actual, wanted] of RESTRICTED)
          t.strictSame(actual(pod), wanted, `${pod.kind}: ${rule}`)
    })

    t.test(`${name}: the image's user may write to the one volume, which has a size`, async (t) => {
      t.equal(api.spec.securityContext?.fsGroup, 1000)
      const [volume, ...others] = api.spec.volumes ?? []
      t.strictSame([volume?.name, others], ['data', []])
      t.strictSame(api.container.volumeMounts, [{ name: 'data', mountPath: withAll.DATA_DIR }])
      t.ok(volume?.persistentVolumeClaim ?? volume?.emptyDir?.sizeLimit)
    })

    t.test(`${name}: a container says what it needs; memory is limited, the CPU not`, async (t) => {
      for (const { container } of pods) {
        const { requests, limits } = container.resources ?? {}
        t.ok(requests?.cpu && requests.memory && limits?.memory)
        t.notOk(limits?.cpu)
      }
    })

    t.test(`${name}: the probes ask what the service answers, on its port`, async (t) => {
      const { startupProbe, livenessProbe, readinessProbe } = api.container
      const asked = [startupProbe, livenessProbe, readinessProbe].map((probe) => probe?.httpGet)
      t.strictSame(
        asked.map((get) => [get?.path, portOf(api, get?.port)]),
        [
          ['/health/live', withAll.PORT],
          ['/health/live', withAll.PORT],
          ['/health/ready', withAll.PORT],
        ],
      )
      for (const get of asked) t.ok(String(get?.path) in openapi.paths)
      t.equal((startupProbe?.periodSeconds ?? 0) * (startupProbe?.failureThreshold ?? 0), 60)
      const { periodSeconds = 10, failureThreshold = 3, timeoutSeconds = 1 } = livenessProbe ?? {}
      t.ok(periodSeconds * failureThreshold >= 30, 'a restart is for a loop that hangs for long')
      t.ok(timeoutSeconds >= 3)
    })

    t.test(`${name}: the configuration is accepted, and is that of the manifest`, async (t) => {
      for (const pod of pods) {
        const given = environment(pod, overlay, SECRET_VALUES)
        t.strictSame(
          Object.keys(given).filter((variable) => !VARIABLES.includes(variable)),
          [],
        )
        t.equal(loadConfig(given).DATABASE_URL === null, name === 'embedded')
      }
      t.match(withAll, {
        HOST: '0.0.0.0',
        PORT: portOf(api, 'http'),
        METRICS_PORT: portOf(api, 'metrics'),
        TRAFFIC_PROVIDERS: ['here', 'tomtom'],
        LOG_FORMAT: 'json',
        // Not networks: in those of a cluster there are clients too, who could choose their address.
        TRUST_PROXY: 1,
      })
    })

    t.test(`${name}: a secret is only referred to; the keys of providers may lack`, async (t) => {
      t.strictSame(objects.filter(Secret.is), [])
      const written = [
        ...objects.filter(ConfigMap.is).flatMap(({ data }) => Object.keys(data ?? {})),
        ...pods.flatMap(({ container }) =>
          (container.env ?? []).flatMap((one) => (one.value === undefined ? [] : one.name)),
        ),
      ]
      t.strictSame(
        written.filter((variable) => SECRETS.includes(variable)),
        [],
      )
      const needed = name === 'embedded' ? [] : ['DATABASE_URL', 'REDIS_URL', 'KEY_PEPPER']
      const values = Object.entries(SECRET_VALUES).filter(([key]) => needed.includes(key))
      const config = loadConfig(environment(api, overlay, Object.fromEntries(values)))
      t.strictSame(config.TRAFFIC_PROVIDERS, ['simulated'])
      for (const lacking of needed) {
        const others = values.filter(([key]) => key !== lacking)
        t.throws(() => environment(api, overlay, Object.fromEntries(others)), {
          message: `there is nothing for ${lacking}`,
        })
      }
    })

    t.test(
      `${name}: a stop has the time that it may take, after who asks has noticed`,
      async (t) => {
        const { terminationGracePeriodSeconds: grace = 0 } = api.spec
        const { DRAIN_WAIT_SECONDS: wait } = withAll
        t.ok(grace >= wait + STOP_MS / 1000 + SLACK_SECONDS + 1)
        const probe = api.container.readinessProbe
        const { periodSeconds = 10, failureThreshold = 3, timeoutSeconds = 1 } = probe ?? {}
        const isOne = name === 'embedded'
        t.ok(isOne ? wait === 0 : periodSeconds * failureThreshold + timeoutSeconds < wait)
      },
    )
  }

  t.test(
    'the image has the user, the volume, the command and the init that the pods count on',
    async (t) => {
      t.match(DOCKERFILE, /^USER 1000:1000$/m)
      t.match(DOCKERFILE, /^VOLUME \/data$/m)
      t.match(DOCKERFILE, /^ENTRYPOINT \[.*tini/m)
      const [, command = ''] = /^CMD (\[.*\])$/m.exec(DOCKERFILE) ?? []
      const job = replicated.pods.find(({ kind }) => kind === 'Job')
      t.strictSame(job?.container.args, [...JSON.parse(command), 'migrate', 'up'])
      for (const { container } of [embedded.api, replicated.api])
        t.strictSame([container.command, container.args], [undefined, undefined])
    },
  )
})
