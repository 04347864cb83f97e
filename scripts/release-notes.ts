import { readFileSync } from 'node:fs'
import { z } from 'zod'

/**
 * Prints what CHANGELOG.md says of the release that a tag, the argument, names. Fails where the tag
 * is not the version of package.json, or nothing is said.
 */
const [tag] = process.argv.slice(2)
const { version } = z
  .object({ version: z.string() })
  .parse(JSON.parse(readFileSync('package.json', 'utf8')))
if (tag !== `v${version}`) throw new Error(`the tag ${tag} is not v${version} of package.json`)

// Headings are like "## [1.2.3] - 2027-01-31".
const sections = readFileSync('CHANGELOG.md', 'utf8').split(/^## /m)
const [, , notes = ''] =
  sections
    .flatMap((section) => [...section.matchAll(/^\[?([^\]\s]+)[^\n]*\n(.*)$/gs)])
    .find(([, heading]) => heading === version) ?? []
if (notes.trim() === '') throw new Error(`CHANGELOG.md says nothing of ${version}`)
process.stdout.write(`${notes.trim()}\n`)
