import { execFileSync } from 'node:child_process'
import t from 'tap'
import { z } from 'zod'
import pkg from '../../package.json' with { type: 'json' }
import { ROOT } from '../helpers/papers.ts'
import { production } from './locked.ts'

/** What CycloneDX 1.5 asks for, and what whoever reads it needs beyond that. */
const componentSchema = z.object({
  'bom-ref': z.string(),
  type: z.literal('library'),
  name: z.string(),
  version: z.string(),
  scope: z.enum(['required', 'optional']),
  purl: z.string(),
  hashes: z.tuple([
    z.object({ alg: z.literal('SHA-512'), content: z.string().regex(/^[0-9a-f]{128}$/) }),
  ]),
  licenses: z.tuple([z.object({ license: z.object({ id: z.string() }) })]),
})
const bomSchema = z.object({
  bomFormat: z.literal('CycloneDX'),
  specVersion: z.literal('1.5'),
  serialNumber: z.string().regex(/^urn:uuid:[0-9a-f-]{36}$/),
  version: z.literal(1),
  metadata: z.object({
    timestamp: z.iso.datetime(),
    component: z.object({
      'bom-ref': z.string(),
      type: z.literal('application'),
      name: z.string(),
      version: z.string(),
      purl: z.string(),
    }),
  }),
  components: z.array(componentSchema),
  dependencies: z.array(z.object({ ref: z.string(), dependsOn: z.array(z.string()) })),
})

const { NODE_OPTIONS: _, ...env } = process.env
const printed = execFileSync('npm', ['run', '--silent', 'sbom'], {
  cwd: ROOT,
  env,
  encoding: 'utf8',
  maxBuffer: 2 ** 24,
})
const bom = bomSchema.parse(JSON.parse(printed))

t.test('`npm run sbom` names the project by its name and version', async (t) => {
  const id = `${pkg.name}@${pkg.version}`
  const { timestamp: __, ...of } = bom.metadata
  const component = { type: 'application', name: pkg.name, version: pkg.version }
  t.strictSame(of, { component: { 'bom-ref': id, ...component, purl: `pkg:npm/${id}` } })
})

t.test('it lists each package for production, with hash and licence, and no other', async (t) => {
  const expected = production.map(({ name, version, license, integrity }) => {
    const hash = Buffer.from(integrity.slice('sha512-'.length), 'base64').toString('hex')
    return [name, version, license, hash, `pkg:npm/${name.replace('@', '%40')}@${version}`].join()
  })
  const listed = bom.components.map(({ name, version, licenses, hashes, purl }) =>
    [name, version, licenses[0].license.id, hashes[0].content, purl].join(),
  )
  t.strictSame(listed.toSorted(), [...new Set(expected)].toSorted())
})

t.test('it says which package needs which, from the project on', async (t) => {
  const needs = new Map(bom.dependencies.map(({ ref, dependsOn }) => [ref, dependsOn]))
  const own = { ...pkg.dependencies, ...pkg.optionalDependencies }
  t.strictSame(
    needs.get(bom.metadata.component['bom-ref'])?.toSorted(),
    Object.entries(own)
      .map(([name, version]) => `${name}@${version}`)
      .toSorted(),
  )
  const refs = bom.components.map((one) => one['bom-ref'])
  t.strictSame(
    [...new Set([...needs.values()].flat())].toSorted(),
    refs.toSorted(),
    'nothing is listed that nobody needs, nor needed that is not listed',
  )
})
