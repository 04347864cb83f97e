import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { environmentSchema } from '../../src/config/environment.ts'
import { build, objectsOf } from './kustomize.ts'
import { environmentOf, type Pod, podsOf } from './pods.ts'

/* The overlays of `deploy/kubernetes`, built. */

/** What everything of the service is called: image, namespace, Secret. */
export const NAME = 'ayalon-congestion-impact'
const ROOT = resolve(import.meta.dirname, '../../deploy/kubernetes')

/** All variables of the service. */
export const VARIABLES = Object.keys(environmentSchema.shape)
/** Those whose value may be in a file: they are secret. */
export const SECRETS = VARIABLES.filter((name) => VARIABLES.includes(`${name}_FILE`))

/** What a Secret may hold. */
export const SECRET_VALUES: Readonly<Record<string, string>> = {
  HERE_API_KEY: 'a-key-of-here',
  TOMTOM_API_KEY: 'a-key-of-tomtom',
  API_KEYS: 'ops:admin:0123456789abcdef',
  DATABASE_URL: 'postgres://user:password@postgres:5432/ayalon',
  REDIS_URL: 'redis://user:password@redis:6379',
  KEY_PEPPER: '0123456789abcdef0123456789abcdef',
}

/** One overlay with its objects, and the pods that they start. */
export interface Overlay {
  readonly name: string
  readonly objects: readonly unknown[]
  readonly pods: readonly Pod[]
  /** The pod that serves. */
  readonly api: Pod
}

function overlayOf(name: string, objects: readonly unknown[]): Overlay {
  const pods = podsOf(objects)
  const api = pods.find(({ labels }) => labels['app.kubernetes.io/component'] === 'api')
  if (api === undefined) throw new Error(`${name} has no pod that serves`)
  return { name, objects, pods, api }
}

/** Both overlays as they are. */
export async function overlays(): Promise<{ embedded: Overlay; replicated: Overlay }> {
  const built = (name: string) => build(join(ROOT, 'overlays', name))
  const [embedded, replicated] = await Promise.all([built('embedded'), built('replicated')])
  return {
    embedded: overlayOf('embedded', embedded),
    replicated: overlayOf('replicated', replicated),
  }
}

/**
 * An overlay in an operator's own kustomization, as the README shows it: with images of a registry,
 * own settings, and watched.
 * @param folder to put it into
 * @param literals the settings, `NAME=value`
 * @param maps more ConfigMaps to make
 * @param patches of the objects
 */
export async function operated(
  folder: string,
  name: string,
  registry: string,
  literals: readonly string[],
  maps: readonly unknown[] = [],
  patches: readonly unknown[] = [],
): Promise<Overlay> {
  const own = mkdtempSync(join(folder, `${name}-`))
  const from = (part: string): string => relative(own, join(ROOT, part))
  const kustomization = {
    resources: [from(`overlays/${name}`)],
    components: [from('components/monitoring')],
    images: [{ name: NAME, newName: registry }],
    configMapGenerator: [{ name: NAME, namespace: NAME, behavior: 'merge', literals }, ...maps],
    patches,
  }
  // JSON is YAML.
  writeFileSync(join(own, 'kustomization.yaml'), JSON.stringify(kustomization))
  return overlayOf(name, await build(own))
}

const textOf = (name: string): string => readFileSync(join(ROOT, 'examples', name), 'utf8')

/** The objects of an example that is in no kustomization. */
export const example = (name: string): readonly unknown[] => objectsOf(textOf(name))

/** The patches of an example, for a kustomization. */
export const patchesOf = (name: string): { readonly patch: string }[] =>
  textOf(name)
    .split(/^---$/m)
    .map((patch) => ({ patch }))

/** The environment that a pod gets where the Secret holds these values. */
export const environment = (
  pod: Pod,
  { objects }: Overlay,
  values: Readonly<Record<string, string>>,
): Record<string, string> => environmentOf(pod, objects, { name: NAME, values })
