/** Gives each distinct text a small number, so that a state of the whole world is a row of small numbers. */
export class Interner<Value> {
  readonly #ids = new Map<string, number>()
  readonly #values: Value[] = []

  get size(): number {
    return this.#values.length
  }

  /** The number of `text`; `value` stands for it from its first time on. */
  id(text: string, value: Value): number {
    const known = this.#ids.get(text)
    if (known !== undefined) return known
    const id = this.#values.length
    this.#ids.set(text, id)
    this.#values.push(value)
    return id
  }

  find(text: string): number | null {
    return this.#ids.get(text) ?? null
  }

  value(id: number): Value {
    const value = this.#values[id]
    if (value === undefined) throw new RangeError(`nothing has the number ${id}`)
    return value
  }
}

/** Results of a pure function of a number and an object that is shared, never copied. */
export class Memo<Key extends object, Result> {
  readonly #known = new WeakMap<Key, Map<number, Result>>()

  get(id: number, key: Key, compute: () => Result): Result {
    let byId = this.#known.get(key)
    if (byId === undefined) {
      byId = new Map()
      this.#known.set(key, byId)
    }
    const known = byId.get(id)
    if (known !== undefined) return known
    const result = compute()
    byId.set(id, result)
    return result
  }
}
