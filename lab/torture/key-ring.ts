/**
 * The keys that clients share at the moment: few, so that they meet, and replaced after a while, so that the history of each stays small enough to be judged.
 * An operation without an answer stays open for ever and doubles the checker's work: a key with several of them is replaced at once.
 */
export type KeyKind = 'register' | 'counter' | 'group'

export interface SharedKey {
  readonly kind: KeyKind
  /** The key, or the tag of a group. */
  readonly name: string
  /** Keys of a group; of the others, the key alone. */
  readonly keys: readonly string[]
  /** Newest version that somebody has seen, of each key: what a conditional write expects. */
  readonly seen: Map<string, { value: string; version: number } | null>
}

interface Place {
  shared: SharedKey
  operations: number
  unanswered: number
}

const LAYOUT: readonly KeyKind[] = [
  'register',
  'register',
  'register',
  'counter',
  'counter',
  'group',
  'group',
]
const OPERATIONS_MAX = 200
const UNANSWERED_MAX = 5
const GROUP = ['a', 'b', 'c'] as const

export class KeyRing {
  readonly #places: Place[]
  readonly #all: SharedKey[] = []
  readonly #operationsMax: number

  constructor(operationsMax = OPERATIONS_MAX) {
    this.#operationsMax = operationsMax
    this.#places = LAYOUT.map((kind) => this.#newPlace(kind))
  }

  /** Every key there ever was. */
  get all(): readonly SharedKey[] {
    return this.#all
  }

  get count(): number {
    return this.#places.length
  }

  /** The key at a place, for one operation. */
  take(index: number): SharedKey {
    const place = this.#places[index]
    if (place === undefined) throw new RangeError(`there is no place ${index}`)
    place.operations++
    const { shared } = place
    if (place.operations >= this.#operationsMax) this.#places[index] = this.#newPlace(shared.kind)
    return shared
  }

  unanswered(shared: SharedKey): void {
    const index = this.#places.findIndex((place) => place.shared === shared)
    const place = this.#places[index]
    if (place === undefined) return // it has been replaced already
    place.unanswered++
    if (place.unanswered >= UNANSWERED_MAX) this.#places[index] = this.#newPlace(shared.kind)
  }

  #newPlace(kind: KeyKind): Place {
    const name = `${kind}-${this.#all.length}`
    const keys = kind === 'group' ? GROUP.map((letter) => `{${name}}${letter}`) : [name]
    const shared: SharedKey = { kind, name, keys, seen: new Map() }
    this.#all.push(shared)
    return { shared, operations: 0, unanswered: 0 }
  }
}
