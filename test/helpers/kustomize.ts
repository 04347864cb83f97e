import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { parseAllDocuments } from 'yaml'
import { isInstalled } from './installed.ts'

/* Kubernetes' manifests as kustomize builds them, by the binaries of the machine. */

const run = promisify(execFile)

/** Why nothing can be built here; false when it can. CI is never excused. */
export const noKustomize = (): string | false => {
  if (process.env.CI || ['kubectl', 'kustomize'].some((binary) => isInstalled(binary))) return false
  return 'there is no kustomize: install kubectl or kustomize'
}

/**
 * The objects of a kustomization, as they would be applied.
 * @throws what kustomize says of a folder that it cannot build
 */
export async function build(folder: string): Promise<readonly unknown[]> {
  const { stdout } = isInstalled('kubectl')
    ? await run('kubectl', ['kustomize', folder])
    : await run('kustomize', ['build', folder])
  return objectsOf(stdout)
}

/** The objects of a file of manifests. */
export const objectsOf = (text: string): readonly unknown[] =>
  parseAllDocuments(text).map((document): unknown => document.toJS())
