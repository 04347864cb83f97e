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
    const kept = this.#kept.get(variant)
    if (kept !== undefined) return kept
    // Weak: the age in the body moves on, and each encoding has bytes of its own.
    const made = new Representation(`W/"${version}.${variant}"`, makeJson())
    const oldest = this.#kept.keys().next()
    if (this.#kept.size >= MOST_KEPT && oldest.done !== true) this.#kept.delete(oldest.value)
    this.#kept.set(variant, made)
    return made
  }
}
