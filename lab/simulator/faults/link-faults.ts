import type { Network } from '../kernel/network.ts'

/** Cuts and delays that overlap: an ordered pair is whole again when the last of them has ended. */
export class LinkFaults {
  readonly #network: Network
  readonly #cuts = new Map<string, number>()
  readonly #slow = new Map<string, number>()

  constructor(network: Network) {
    this.#network = network
  }

  /** What the first of each pair sends does not reach the second. */
  cut(pairs: readonly (readonly [string, string])[]): void {
    for (const [a, b] of pairs) {
      const count = this.#cuts.get(`${a}>${b}`) ?? 0
      this.#cuts.set(`${a}>${b}`, count + 1)
      if (count === 0) this.#network.cut(a, b)
    }
  }

  /** Ends one cut of each pair. */
  restore(pairs: readonly (readonly [string, string])[]): void {
    for (const [a, b] of pairs) {
      const left = (this.#cuts.get(`${a}>${b}`) ?? 1) - 1
      if (left > 0) this.#cuts.set(`${a}>${b}`, left)
      else {
        this.#cuts.delete(`${a}>${b}`)
        this.#network.heal(a, b)
      }
    }
  }

  slow(from: string, to: string, factor: number): void {
    this.#slow.set(`${from}>${to}`, (this.#slow.get(`${from}>${to}`) ?? 0) + 1)
    this.#network.slow(from, to, factor)
  }

  endSlow(from: string, to: string): void {
    const left = (this.#slow.get(`${from}>${to}`) ?? 1) - 1
    if (left > 0) this.#slow.set(`${from}>${to}`, left)
    else {
      this.#slow.delete(`${from}>${to}`)
      this.#network.slow(from, to, 1)
    }
  }

  /** Everything is whole. */
  end(): void {
    this.#cuts.clear()
    this.#slow.clear()
    this.#network.healAll()
  }
}
