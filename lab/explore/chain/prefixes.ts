/** UpdatePropagation: a successor's history is a prefix of its predecessor's. */

import type { ChainParts } from './possible.ts'
import { at } from './row.ts'

export class Prefixes {
  readonly #parts: Pick<ChainParts, 'ids' | 'row' | 'locals' | 'coordinator'>
  readonly #pairs = new Map<number, string | null>()

  constructor(parts: Pick<ChainParts, 'ids' | 'row' | 'locals' | 'coordinator'>) {
    this.#parts = parts
  }

  /** Null, or what is wrong where both ends of a link serve and speak of the newest epoch. */
  check(state: Int32Array): string | null {
    const { config } = this.#parts.coordinator.tree(at(state, this.#parts.row.treeAt))
    for (let i = 1; i < config.members.length; i++) {
      const [above, below] = [config.members[i - 1], config.members[i]]
      if (above === undefined || below === undefined) continue
      const [a, b] = [this.#parts.ids.indexOf(above.server), this.#parts.ids.indexOf(below.server)]
      const wrong = this.#comparePair(at(state, a), at(state, b), config.epoch)
      if (wrong !== null) return `UpdatePropagation: ${below.server} holds ${wrong}, ${above.server} does not`
    }
    return null
  }

  #comparePair(a: number, b: number, epoch: number): string | null {
    const key = a * 2 ** 24 + b
    const known = this.#pairs.get(key)
    const [above, below] = [this.#parts.locals.summary(a), this.#parts.locals.summary(b)]
    if (!above.serving || !below.serving || above.epoch !== epoch || below.epoch !== epoch) return null
    if (known !== undefined) return known
    const held = new Set(above.entries)
    const extra =
      below.entries.find((entry) => Number(entry.split('/')[1]) > above.base && !held.has(entry)) ?? null
    this.#pairs.set(key, extra)
    return extra
  }
}
