import type { Facts } from './facts.ts'

/**
 * Which operations may not stay when a write is dropped. A history without a write that nobody can have noticed is wrong only if the whole was
 * wrong; without one that was seen it is wrong for a new reason, which would explain nothing.
 */
export class Dependence {
  readonly #facts: readonly Facts[]
  readonly #byKey = new Map<string, number[]>()
  readonly #appended = new Set<string>()

  constructor(facts: readonly Facts[]) {
    this.#facts = facts
    for (const [i, { writes, shows, misses, vague }] of facts.entries()) {
      const keys = [...writes, ...shows, ...misses].map(({ key }) => key)
      for (const key of new Set([...keys, ...vague])) {
        const users = this.#byKey.get(key) ?? []
        this.#byKey.set(key, users)
        users.push(i)
      }
      for (const { key, isAppend } of writes) if (isAppend) this.#appended.add(key)
    }
  }

  /** These, and whatever of the rest depends on one of them, directly or by way of others. */
  closure(seeds: readonly number[], isPresent: (operation: number) => boolean): ReadonlySet<number> {
    const dropped = new Set(seeds)
    for (const write of dropped) {
      for (const { key } of this.#facts[write]?.writes ?? [])
        for (const other of this.#byKey.get(key) ?? [])
          if (isPresent(other) && !dropped.has(other) && this.#mayHaveSeen(other, write)) dropped.add(other)
    }
    return dropped
  }

  #mayHaveSeen(reader: number, writer: number): boolean {
    const facts = this.#facts[reader]
    if (facts === undefined) return false
    return (this.#facts[writer]?.writes ?? []).some((write) => {
      const { key, value } = write
      if (facts.vague.includes(key)) return true
      const isUnclear = value === undefined || (this.#appended.has(key) && (value === null || value === ''))
      const isShown = (shown: string | null) =>
        isUnclear || (this.#appended.has(key) ? (shown?.includes(value ?? '') ?? false) : shown === value)
      const isMissed = (missed: string | null) => isUnclear || this.#appended.has(key) || missed !== value
      return (
        facts.shows.some((shown) => shown.key === key && isShown(shown.value)) ||
        facts.misses.some((missed) => missed.key === key && isMissed(missed.value))
      )
    })
  }
}
