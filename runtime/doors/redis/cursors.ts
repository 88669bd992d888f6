/** Where scans are. Redis's cursors are integers; ours stand for a place between two keys, so that a scan shows each key once. */
import type { ChainId, Key } from '../../../protocol/ids.ts'
import { LIMITS } from './settings.ts'

export interface Place {
  readonly chain: ChainId
  /** The last key that was shown; null: none yet. */
  readonly after: Key | null
}

export class Cursors {
  readonly #places = new Map<string, Place>()
  #last = 0

  /** The oldest are forgotten when there are too many. */
  add(place: Place): string {
    const cursor = String(++this.#last)
    this.#places.set(cursor, place)
    if (this.#places.size > LIMITS.cursorsMax) {
      const [oldest] = this.#places.keys()
      if (oldest !== undefined) this.#places.delete(oldest)
    }
    return cursor
  }

  get(cursor: string): Place | null {
    return this.#places.get(cursor) ?? null
  }
}
