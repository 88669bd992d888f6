/** Something that keeps bytes of a remote in this process's memory. */
export interface Holder {
  readonly heldBytes: number
  /** It must go. Its own events come later. */
  giveUp(reason: string): void
}

/**
 * What all connections of one listener hold together: bodies that have not wholly come, and what waits to be read. Each has a bound of its own, but ten
 * thousand times that bound is more than a machine has. Beyond `bytesMax` whoever holds most has to go.
 */
export class HeldBytes {
  readonly #bytesMax: number
  /** As of the last look; the kernel may have taken some since. */
  readonly #holders = new Map<Holder, number>()
  #total = 0

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  /** As of the last look at each. */
  get total(): number {
    return this.#total
  }

  /** What it holds may have become more, or less. */
  look(holder: Holder): void {
    this.#note(holder)
    if (this.#total > this.#bytesMax) this.#relieve()
  }

  forget(holder: Holder): void {
    this.#total -= this.#holders.get(holder) ?? 0
    this.#holders.delete(holder)
  }

  #note(holder: Holder): void {
    const [before, now] = [this.#holders.get(holder) ?? 0, holder.heldBytes]
    if (now === before) return
    this.#total += now - before
    if (now === 0) this.#holders.delete(holder)
    else this.#holders.set(holder, now)
  }

  #relieve(): void {
    for (const holder of [...this.#holders.keys()]) this.#note(holder)
    while (this.#total > this.#bytesMax) {
      const [most] = [...this.#holders].reduce((a, b) => (b[1] > a[1] ? b : a))
      this.forget(most)
      most.giveUp(`holds most of the ${this.#bytesMax} bytes that may wait on all connections together`)
    }
  }
}
