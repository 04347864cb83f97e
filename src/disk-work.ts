/**
 * Work on a disk that may fail without harm to whoever asked for it: the fault is told once, and
 * again only after the work was done in between.
 */
export class DiskWork {
  readonly #onFault: (error: unknown) => void
  #isFailing = false

  constructor(onFault: (error: unknown) => void) {
    this.#onFault = onFault
  }

  /** Whether the last try failed. */
  get isFailing(): boolean {
    return this.#isFailing
  }

  /** Never throws. */
  try(work: () => void): void {
    try {
      work()
      this.#isFailing = false
    } catch (error) {
      if (!this.#isFailing) this.#onFault(error)
      this.#isFailing = true
    }
  }
}
