/* As much of PromQL as it takes to know what a query stands on. Whether it is right, Prometheus says. */

/** A condition on a label, such as `status=~"5.."`. */
export interface Matcher {
  readonly label: string
  readonly operator: string
  readonly value: string
}

/** A metric, or a recorded one, with its conditions. */
export interface Selector {
  readonly name: string
  readonly matchers: readonly Matcher[]
}

const NAME = '[a-zA-Z_:][a-zA-Z0-9_:]*'
const STRING = '"(?:[^"\\\\]|\\\\.)*"'
const GROUPING = /\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)/g
const KEYWORDS = ['and', 'or', 'unless', 'bool', 'offset']

/** The selectors of a query, in order. */
export function selectorsOf(query: string): Selector[] {
  const bare = query.replaceAll(GROUPING, ' ').replaceAll(/\[[^\]]*\]/g, ' ')
  // A number with an exponent is no name; nor is what a string holds, which is in braces or an argument.
  const selector = new RegExp(
    `(?<![\\w.:])(${NAME})(?![\\w:]|\\s*\\()\\s*(?:\\{([^}]*)\\})?|${STRING}`,
    'g',
  )
  return [...bare.matchAll(selector)].flatMap(([, name, inside = '']) =>
    name === undefined || KEYWORDS.includes(name) ? [] : [{ name, matchers: matchersOf(inside) }],
  )
}

const matchersOf = (inside: string): Matcher[] =>
  [...inside.matchAll(new RegExp(`(\\w+)\\s*(=~|!~|!=|=)\\s*(${STRING})`, 'g'))].map(
    ([, label = '', operator = '', value = '""']) => ({
      label,
      operator,
      value: JSON.parse(value),
    }),
  )

/** The labels by which a query groups or joins. */
export const groupingsOf = (query: string): string[] =>
  [...query.matchAll(GROUPING)]
    .flatMap(([, labels = '']) => labels.split(','))
    .map((label) => label.trim())
    .filter((label) => label !== '')

/**
 * What must be there for the selector to mean something: itself without what it leaves out, and by
 * itself each value that it takes or leaves out. A value of a label that nothing has is a mistake.
 */
export function mustExist({ name, matchers }: Selector): string[] {
  const taken = matchers.filter(({ operator }) => !operator.startsWith('!'))
  const named = (some: readonly Matcher[]): string =>
    `${name}{${some.map(({ label, operator, value }) => `${label}${operator}${JSON.stringify(value)}`).join(',')}}`
  const single = matchers.flatMap(({ label, operator, value }) =>
    operator.endsWith('~')
      ? value.split('|').map((one) => named([{ label, operator: '=~', value: one }]))
      : [named([{ label, operator: '=', value }])],
  )
  return [...new Set([named(taken), ...single])]
}
