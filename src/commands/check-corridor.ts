import { systemClock } from '../clock.ts'
import type { Config } from '../config/config.ts'
import { readCorridor } from '../config/corridor-files.ts'
import { loadConfig } from '../config/setup.ts'
import { indexBins } from '../corridors/bins.ts'
import { type Corridor, type Section, sectionsOf } from '../corridors/corridor.ts'
import { overallBearing } from '../corridors/geometry-faults.ts'
import { matchPieces } from '../corridors/matching.ts'
import type { SectionObservation } from '../corridors/section-observation.ts'
import { orFailure } from '../providers/answers.ts'
import { createProvider } from '../providers/create.ts'
import { ProviderFailure } from '../providers/failure.ts'
import { createUpstream, MAX_BODY_BYTES } from '../providers/upstream/client.ts'
import { EX_DATAERR, EX_UNAVAILABLE, EX_USAGE } from './exit-codes.ts'
import { withGuards } from './with-guards.ts'

/**
 * Checks a corridor file and prints each section's length and bearing and, where a provider with
 * real data is configured, how much of it the provider covers. Asks the provider once.
 * @returns the exit code: 0 all well, 64 wrong usage, 65 faults of the file, 69 no answer of the provider
 * @throws ConfigError when the environment is wrong
 */
export async function checkCorridor(
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
  print: (line: string) => void,
): Promise<number> {
  const [file, ...more] = args
  if (file === undefined || more.length > 0) {
    print('usage: npm run check-corridor -- FILE')
    return EX_USAGE
  }
  const corridor = readCorridor(file)
  if (Array.isArray(corridor)) {
    for (const fault of corridor) print(`${file}: ${fault}`)
    return EX_DATAERR
  }
  print(`${corridor.name} (${corridor.id}): ${sectionsOf(corridor).length} sections, no faults`)
  const config = loadConfig(environment)
  const coverage = await coverageOf(corridor, config)
  const sections = coverage instanceof ProviderFailure ? null : coverage
  for (const [index, section] of sectionsOf(corridor).entries())
    print(`  ${describe(section)}${describeCoverage(sections?.[index])}`)
  if (coverage === null) print('No provider is configured, so coverage is not known.')
  if (!(coverage instanceof ProviderFailure)) return 0
  print(`The provider gave no usable answer: ${coverage.message} (${coverage.outcome}).`)
  return EX_UNAVAILABLE
}

const describe = ({ id, lengthM, points }: Section): string => {
  const bearing = overallBearing(points).toFixed(0)
  return `${id.padEnd(40)} ${lengthM.toFixed(0).padStart(6)} m  ${bearing.padStart(3)}°`
}

const describeCoverage = (observation: SectionObservation | undefined): string => {
  if (observation === undefined) return ''
  const percent = (observation.coverage * 100).toFixed(0)
  return `  ${percent.padStart(3)} % covered, ${observation.status}`
}

/**
 * What the preferred provider covers, section by section; null where it only invents numbers, and
 * its failure where it gives no usable answer.
 */
async function coverageOf(
  corridor: Corridor,
  config: Config,
): Promise<readonly SectionObservation[] | ProviderFailure | null> {
  const [name] = config.TRAFFIC_PROVIDERS
  if (name === 'simulated') return null
  const timeoutMs = config.UPSTREAM_TIMEOUT_SECONDS * 1000
  const { now } = systemClock
  const upstream = createUpstream({ timeoutMs, maxBytes: MAX_BODY_BYTES, now })
  const context = { atMs: now(), signal: new AbortController().signal, now, noteCall() {} }
  try {
    const answer = await withGuards(config, (guardOf) => {
      const provider = createProvider(name, config, upstream, guardOf, () => {})
      return orFailure(() => provider.refresh(corridor, context))
    })
    if (answer instanceof ProviderFailure) return answer
    return matchPieces(indexBins(corridor), answer.pieces).sections
  } finally {
    await upstream.close()
  }
}
