/** A scrape: values by name and labels, as the text has them: `name{label="value"}`. */
export type Scrape = ReadonlyMap<string, number>

/** Reads Prometheus' text format, of which only the values count. */
export const parseScrape = (text: string): Scrape =>
  new Map(
    text
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => {
        const space = line.lastIndexOf(' ')
        return [line.slice(0, space), Number(line.slice(space + 1))]
      }),
  )

/** The series of one metric, by its labels alone. */
export const seriesOf = (scrape: Scrape, name: string): Record<string, number> =>
  Object.fromEntries(
    [...scrape]
      .filter(([series]) => series === name || series.startsWith(`${name}{`))
      .map(([series, value]) => [series.slice(name.length), value]),
  )

/** The series of a counter that counted something. */
export const countedOf = (scrape: Scrape, name: string): Record<string, number> =>
  Object.fromEntries(Object.entries(seriesOf(scrape, name)).filter(([, count]) => count > 0))

/** What a process serves at `/metrics`. */
export async function scrapeOf(url: string): Promise<Scrape> {
  return parseScrape(await (await fetch(`${url}/metrics`)).text())
}

/** Scrapes until something is so: what happens on another connection is seen a moment later. */
export async function scrapeUntil(url: string, isSo: (scrape: Scrape) => boolean): Promise<Scrape> {
  for (;;) {
    const scrape = await scrapeOf(url)
    if (isSo(scrape)) return scrape
  }
}
