/** The keys of one command, or of one transaction, as they stood at one commit point; and what the command wants changed. */
import type { Mutation, Versioned } from '../../../protocol/commands.ts'
import { asMillis, asSeq, type Key, type Seq } from '../../../protocol/ids.ts'

export interface Space {
  get(key: Key): Versioned | null
  /** @param expiresAtWallMs - 0: never. */
  put(key: Key, value: Uint8Array, expiresAtWallMs: number): void
  delete(key: Key): void
}

/** A version that nobody has given yet. */
const NEW = asSeq(0)

/** A snapshot under what a transaction has changed so far. */
export class Overlay implements Space {
  readonly #seen: ReadonlyMap<Key, Versioned | null>
  readonly #changed = new Map<Key, Versioned | null>()

  /** @param keys - may name one several times. */
  constructor(keys: readonly Key[], values: readonly (Versioned | null)[]) {
    this.#seen = new Map(keys.map((key, i) => [key, values[i] ?? null]))
  }

  get(key: Key): Versioned | null {
    const changed = this.#changed.get(key)
    return changed === undefined ? (this.#seen.get(key) ?? null) : changed
  }

  put(key: Key, value: Uint8Array, expiresAtWallMs: number): void {
    this.#changed.set(key, { value, version: NEW, expiresAtWallMs: asMillis(expiresAtWallMs) })
  }

  delete(key: Key): void {
    if (this.get(key) !== null) this.#changed.set(key, null)
  }

  seenVersion(key: Key): Seq | null {
    return this.#seen.get(key)?.version ?? null
  }

  get seenKeys(): Key[] {
    return [...this.#seen.keys()]
  }

  /** What has to be written, each key once. A key that came and went again is none of it. */
  get mutations(): Mutation[] {
    const mutations: Mutation[] = []
    for (const [key, value] of this.#changed) {
      if (value !== null)
        mutations.push({
          type: 'put',
          key,
          value: value.value,
          expiry: { type: 'set', atWallMs: value.expiresAtWallMs },
        })
      else if ((this.#seen.get(key) ?? null) !== null) mutations.push({ type: 'delete', key })
    }
    return mutations
  }
}
