/** Parts of the document that others refer to: by kind, then by name. */
export type Components = Readonly<Record<string, Readonly<Record<string, unknown>>>>

const REFERENCE = /"#\/components\/[^"]+"/g

/** The components to which a part of the document refers, also by way of others. */
export function usedComponents(part: unknown, all: Components): Components {
  const byReference = new Map<string, string>(
    Object.entries(all).flatMap(([kind, named]) =>
      Object.entries(named).map(
        ([name, component]) =>
          [`"#/components/${kind}/${name}"`, JSON.stringify(component)] as const,
      ),
    ),
  )
  const used = new Set<string>()
  const look = (json = ''): void => {
    for (const [reference] of json.matchAll(REFERENCE)) {
      if (used.has(reference)) continue
      used.add(reference)
      look(byReference.get(reference))
    }
  }
  look(JSON.stringify(part))
  const usedOf = (kind: string, named: Components[string]) =>
    Object.entries(named)
      .filter(([name]) => used.has(`"#/components/${kind}/${name}"`))
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(
    Object.entries(all).map(([kind, named]) => [kind, Object.fromEntries(usedOf(kind, named))]),
  )
}
