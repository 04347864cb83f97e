import { Representation } from './representation.ts'

/** References are any speed a client asks for; this many at most are kept for one snapshot. */
const MOST_KEPT = 32

/** The representations of one corridor's current snapshot, made when first asked for. */
export class Representations {
  #version = ''
  readonly #kept = new Map<string, Representation>()

  /**
   * @param version of the snapshot and its state; a new one drops all that is kept
   * @param variant which representation of it: route, model, reference
   */
  get(version: string, variant: string, makeJson: () => string): Representation {
    if (version !== this.#version) this.#kept.clear()
    this.#version = version
    // Weak: the age in the body moves on, and each encoding has bytes of its own.
    const found =
      this.#kept.get(variant) ?? new Representation(`W/"${version}.${variant}"`, makeJson())
    // Set anew, it stands last: the first is the one that was not asked for the longest.
    this.#kept.delete(variant)
    this.#kept.set(variant, found)
    const [oldest] = this.#kept.keys()
    if (this.#kept.size > MOST_KEPT && oldest !== undefined) this.#kept.delete(oldest)
    return found
  }
}
