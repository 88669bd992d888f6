import type { Versioned } from '../../../protocol/commands.ts'
import type { Key } from '../../../protocol/ids.ts'

/** For all stores of this process together. */
const BYTES_MAX = 32 * 1024 * 1024
const ITEM_OVERHEAD_BYTES = 200
/** A longer value takes more time to copy than to find. */
const VALUE_BYTES_MAX = 16 * 1024
let stores = 0

/**
 * What was read from LMDB lately: to find it again costs a fifth of a search in LMDB and a copy. Two generations: once the younger one is full, the older one is
 * forgotten, so that what is read again and again stays, and nothing is sorted by age.
 */
export class RecentItems {
  #young = new Map<Key, Versioned>()
  #old = new Map<Key, Versioned>()
  #youngBytes = 0

  constructor() {
    stores++
  }

  get(key: Key): Versioned | null {
    const found = this.#young.get(key)
    if (found !== undefined) return found
    const older = this.#old.get(key)
    if (older === undefined) return null
    this.#old.delete(key)
    this.add(key, older)
    return older
  }

  add(key: Key, item: Versioned): void {
    if (item.value.length > VALUE_BYTES_MAX) return
    this.#youngBytes += ITEM_OVERHEAD_BYTES + key.length + item.value.length
    this.#young.set(key, item)
    if (this.#youngBytes <= BYTES_MAX / 2 / stores) return
    this.#old = this.#young
    this.#young = new Map()
    this.#youngBytes = 0
  }

  forget(key: Key): void {
    if (!this.#young.delete(key)) this.#old.delete(key) // its bytes count until the generation ends
  }

  clear(): void {
    this.#young.clear()
    this.#old.clear()
    this.#youngBytes = 0
  }

  /** The others may have its share. */
  close(): void {
    this.clear()
    stores--
  }
}
