import type { Facts } from './facts.ts'

/**
 * Which operations may not stay when a write is dropped. A history without a write that nobody can have noticed is wrong only if the whole was
 * wrong; without one that was seen it is wrong for a new reason, which would explain nothing.
 */
export class Dependence {
  readonly #facts: readonly Facts[]
  readonly #keys = new Map<string, KeyUsers>()

  constructor(facts: readonly Facts[]) {
    this.#facts = facts
    for (const [i, { writes, shows, misses, vague }] of facts.entries()) {
      for (const { key, isAppend } of writes) if (isAppend) this.#usersOf(key).isAppended = true
      for (const { key, value } of shows) {
        const users = this.#usersOf(key)
        users.readers.add(i)
        const readers = users.byValue.get(value) ?? []
        users.byValue.set(value, readers)
        readers.push(i)
      }
      for (const key of [...misses.map((missed) => missed.key), ...vague]) {
        this.#usersOf(key).readers.add(i)
        this.#usersOf(key).unclear.add(i)
      }
    }
  }

  /** These, and whatever of the rest depends on one of them, directly or by way of others. */
  closure(seeds: readonly number[], isPresent: (operation: number) => boolean): ReadonlySet<number> {
    const dropped = new Set(seeds)
    for (const write of dropped)
      for (const reader of this.#candidates(write))
        if (!dropped.has(reader) && isPresent(reader) && this.#mayHaveSeen(reader, write)) dropped.add(reader)
    return dropped
  }

  #usersOf(key: string): KeyUsers {
    const known = this.#keys.get(key)
    if (known !== undefined) return known
    const users: KeyUsers = { isAppended: false, readers: new Set(), byValue: new Map(), unclear: new Set() }
    this.#keys.set(key, users)
    return users
  }

  /** Where values are only replaced, whoever shows another value has not seen the write. */
  *#candidates(writer: number): Iterable<number> {
    for (const { key, value } of this.#facts[writer]?.writes ?? []) {
      const users = this.#usersOf(key)
      if (users.isAppended || value === undefined) yield* users.readers
      else {
        yield* users.byValue.get(value) ?? []
        yield* users.unclear
      }
    }
  }

  #mayHaveSeen(reader: number, writer: number): boolean {
    const facts = this.#facts[reader]
    if (facts === undefined) return false
    return (this.#facts[writer]?.writes ?? []).some(({ key, value }) => {
      if (facts.vague.includes(key)) return true
      const { isAppended } = this.#usersOf(key)
      const isUnclear = value === undefined || (isAppended && (value === null || value === ''))
      const isShown = (shown: string | null) =>
        isUnclear || (isAppended ? (shown?.includes(value ?? '') ?? false) : shown === value)
      return (
        facts.shows.some((shown) => shown.key === key && isShown(shown.value)) ||
        facts.misses.some(
          (missed) => missed.key === key && (isUnclear || isAppended || missed.value !== value),
        )
      )
    })
  }
}

/** Who read a key. */
interface KeyUsers {
  isAppended: boolean
  readonly readers: Set<number>
  readonly byValue: Map<string | null, number[]>
  /** Those whose answer does not show the value that they found. */
  readonly unclear: Set<number>
}
