const TABLE_START = 1 << 10
const ARENA_START = 1 << 13
/** The table is rebuilt when this part of it is in use. */
const FILL_MAX = 0.6

/** A set of keys, each a few 32-bit words, in two arrays: many millions of them cost no objects. */
export class ConfigurationCache {
  #count = 0
  /** Place in the arena plus one; 0: free. */
  #table = new Uint32Array(TABLE_START)
  /** Per key: hash, number of words, words. */
  #arena = new Uint32Array(ARENA_START)
  #used = 0

  get bytes(): number {
    return this.#table.byteLength + this.#arena.byteLength
  }

  /** Adds the first `length` words of `key`. False: it was there. */
  add(hash: number, key: Uint32Array, length: number): boolean {
    const mask = this.#table.length - 1
    let slot = hash & mask
    for (;;) {
      const at = this.#table[slot] ?? 0
      if (at === 0) break
      if (this.#equals(at - 1, hash, key, length)) return false
      slot = (slot + 1) & mask
    }
    this.#table[slot] = this.#append(hash, key, length) + 1
    if (++this.#count > this.#table.length * FILL_MAX) this.#growTable()
    return true
  }

  #equals(at: number, hash: number, key: Uint32Array, length: number): boolean {
    const arena = this.#arena
    if (arena[at] !== hash || arena[at + 1] !== length) return false
    for (let i = 0; i < length; i++) if (arena[at + 2 + i] !== key[i]) return false
    return true
  }

  #append(hash: number, key: Uint32Array, length: number): number {
    const at = this.#used
    if (at + 2 + length > this.#arena.length) {
      const larger = new Uint32Array(this.#arena.length * 2 + length)
      larger.set(this.#arena)
      this.#arena = larger
    }
    this.#arena[at] = hash
    this.#arena[at + 1] = length
    for (let i = 0; i < length; i++) this.#arena[at + 2 + i] = key[i] ?? 0
    this.#used = at + 2 + length
    return at
  }

  #growTable(): void {
    const larger = new Uint32Array(this.#table.length * 2)
    const mask = larger.length - 1
    for (const at of this.#table) {
      if (at === 0) continue
      let slot = (this.#arena[at - 1] ?? 0) & mask
      while (larger[slot] !== 0) slot = (slot + 1) & mask
      larger[slot] = at
    }
    this.#table = larger
  }
}
