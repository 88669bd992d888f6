/** Who reads a run as it happens, line by line. */
export type TraceReader = (atUs: number, who: string, what: string) => void

/**
 * What happened, in order, as a hash: two runs are the same if and only if theirs are. With a reader, every event is also put into words, and the words
 * are hashed, too.
 */
export class Trace {
  #a = 0x811c9dc5
  #b = 0x1b873593
  readonly #names = new Map<string, number>()
  readonly reader: TraceReader | null

  constructor(reader: TraceReader | null = null) {
    this.reader = reader
  }

  /** `details` is asked for only where somebody reads. */
  add(atUs: number, who: string, what: string, details?: () => string): void {
    this.#mix(atUs % 4294967296)
    this.#mix(this.#nameOf(who))
    this.#mix(this.#nameOf(what))
    if (this.reader === null) return
    const text = details === undefined ? what : `${what} ${details()}`
    for (let i = 0; i < text.length; i++) this.#mix(text.charCodeAt(i))
    this.reader(atUs, who, text)
  }

  get hash(): string {
    const hex = (n: number) => (n >>> 0).toString(16).padStart(8, '0')
    return hex(this.#a) + hex(this.#b)
  }

  #mix(n: number): void {
    this.#a = Math.imul(this.#a ^ n, 0x01000193)
    this.#b = Math.imul((this.#b << 13) | (this.#b >>> 19), 5) ^ (n + 0x52dce729)
  }

  /** Names count by their first appearance: cheaper than their letters, and the same in the same run. */
  #nameOf(name: string): number {
    let number = this.#names.get(name)
    if (number === undefined) {
      number = this.#names.size + 1
      this.#names.set(name, number)
      for (let i = 0; i < name.length; i++) this.#mix(name.charCodeAt(i))
    }
    return number
  }
}
