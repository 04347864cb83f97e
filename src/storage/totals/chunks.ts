/** Rows in one statement: engines limit the number of its parameters. */
const ROWS_AT_ONCE = 500

/** Rows in parts that one statement takes each. */
export function* chunksOf<Row>(rows: readonly Row[]): Generator<readonly Row[]> {
  for (let at = 0; at < rows.length; at += ROWS_AT_ONCE) yield rows.slice(at, at + ROWS_AT_ONCE)
}
