import { resolve } from 'node:path'
import t from 'tap'
import { z } from 'zod'
import { buildApp } from '../helpers/build-app.ts'
import { runTool } from './run-tool.ts'

const ROOT = resolve(import.meta.dirname, '../..')

/** What someone writes who has the generated client: read by their compiler, then run. */
const SMOKE = `import * as api from './client.ts'

const [baseUrl = ''] = process.argv.slice(2)
api.defaults.baseUrl = baseUrl

const current = await api.getSnapshot('ayalon', { reference: 60, model: 'physical' })
if (current.status === 304) throw new Error('nothing was known before')
if (current.status !== 200) throw new Error(current.data.detail)
const central: number | undefined = current.data.rates?.delay.central
const [first] = current.data.directions
const status: 'ok' | 'partial' | 'insufficientCoverage' | 'closed' | undefined = first?.status

const past = await api.getHistory('ayalon', { interval: '1h', by: 'direction', limit: 10 })
if (past.status !== 200 || typeof past.data === 'string') throw new Error('no history')

const section = { id: 'a', lengthKm: 1, lanes: 3, speedKmh: 30, freeFlowKmh: 95, limitKmh: 90 }
const impact = await api.computeImpact({ sections: [section], reference: 'freeFlow' })
if (impact.status !== 200) throw new Error(impact.data.detail)

const unknown = await api.getSnapshot('nowhere')
if (unknown.status !== 404) throw new Error('there is no such corridor')

console.log(
  JSON.stringify({
    central,
    status,
    buckets: past.data.buckets.length,
    delay: impact.data.rates?.delay.central,
    code: unknown.data.code,
    requestId: unknown.data.requestId,
  }),
)
`

/** Mistakes that the compiler must find in the same client. */
const WRONG = [
  "await api.getSnapshot('ayalon', { model: 'best' })",
  'await api.getSnapshot()',
  "await api.getHistory('ayalon', { interval: '2h' })",
  'await api.computeImpact({ sections: [{ id: "a" }] })',
  "await api.computeImpact({ sections: [], colour: 'red' })",
]

t.test('a client that a public generator makes compiles strictly, and works', async (t) => {
  const { server } = await buildApp(t)
  const url = await server.listen({ host: '127.0.0.1', port: 0 })
  const dir = t.testdir({
    'smoke.ts': SMOKE,
    'wrong.ts': `import * as api from './client.ts'\n${WRONG.map((line) => `// @ts-expect-error\n${line}`).join('\n')}\n`,
    'tsconfig.json': JSON.stringify({
      extends: resolve(ROOT, 'tsconfig.json'),
      compilerOptions: {
        // What the generator's own runtime is typed for.
        lib: ['es2025', 'dom'],
        exactOptionalPropertyTypes: false,
        types: ['node'],
        skipLibCheck: false,
        typeRoots: [resolve(ROOT, 'node_modules/@types')],
      },
      include: ['*.ts'],
    }),
  })
  for (const [program, ...args] of [
    ['node_modules/oazapfts/dist/cli.js', 'openapi.json', `${dir}/client.ts`],
    ['node_modules/typescript/bin/tsc', '--noEmit', '--project', dir],
  ] as const) {
    const { code, stdout, stderr } = await runTool(program, args)
    t.equal(code, 0, `${program}: ${stdout}${stderr}`)
  }
  const { code, stdout, stderr } = await runTool(`${dir}/smoke.ts`, [url])
  t.equal(code, 0, stderr)
  const told = z
    .object({
      central: z.number().min(1),
      status: z.literal('ok'),
      buckets: z.number().min(1),
      delay: z.number().min(1),
      code: z.literal('not_found'),
      requestId: z.uuid(),
    })
    .parse(JSON.parse(stdout))
  t.equal(told.code, 'not_found')
})
