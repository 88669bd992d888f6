interface Queue {
  readonly first: number
  readonly rest: number
  /** Where message 0 is, if not first; -1: nowhere. */
  readonly zeroAt: number
}

/** Contents of FIFO links, each a list of message numbers, as numbers themselves. 0 is the empty queue. */
export class Queues {
  readonly #ids = new Map<string, number>([['', 0]])
  readonly #lists: (readonly number[])[] = [[]]
  readonly #pushed = new Map<number, number>()
  readonly #popped: (Queue | null)[] = [null]

  push(queue: number, message: number): number {
    const key = queue * 2 ** 26 + message
    const known = this.#pushed.get(key)
    if (known !== undefined) return known
    const id = this.of([...this.list(queue), message])
    this.#pushed.set(key, id)
    return id
  }

  of(list: readonly number[]): number {
    const text = list.join()
    const known = this.#ids.get(text)
    if (known !== undefined) return known
    const [first] = list
    const popped =
      first === undefined ? null : { first, rest: this.of(list.slice(1)), zeroAt: list.indexOf(0, 1) }
    const id = this.#lists.length
    this.#ids.set(text, id)
    this.#lists.push(list)
    this.#popped.push(popped)
    return id
  }

  list(queue: number): readonly number[] {
    return this.#lists[queue] ?? []
  }

  first(queue: number): number {
    return this.#at(queue).first
  }

  rest(queue: number): number {
    return this.#at(queue).rest
  }

  /** Position of message 0 behind the first place; -1: it is not there. */
  zeroAt(queue: number): number {
    return this.#at(queue).zeroAt
  }

  #at(queue: number): Queue {
    const popped = this.#popped[queue]
    if (popped === undefined || popped === null) throw new RangeError(`queue ${queue} is empty`)
    return popped
  }
}
