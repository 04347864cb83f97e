/** The last so many values, for exact percentiles. */
export class LastValues {
  readonly #most: number
  readonly #values: number[] = []
  #next = 0

  constructor(most: number) {
    this.#most = most
  }

  /** Takes the place of the oldest where there are as many as are kept. */
  add(value: number): void {
    this.#values[this.#next] = value
    this.#next = (this.#next + 1) % this.#most
  }

  /**
   * The least value that this share of all is not above (nearest rank); null before the first.
   * @param share above 0, up to 1
   */
  percentile(share: number): number | null {
    const sorted = this.#values.toSorted((a, b) => a - b)
    return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? null
  }
}
