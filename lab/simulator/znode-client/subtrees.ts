import type { ZnodeInput, ZnodeOutput } from '../../checker/operations.ts'
import type { Rng } from '../kernel/rng.ts'

/** The search for an order takes longer with every operation, and far longer with those of unknown outcome. */
const OPERATIONS_MAX = [40, 160] as const
const UNKNOWN_MAX = 4
const SEQUENTIAL_MAX = 4

/**
 * A few znodes that all clients work on, below a root of their own: trees below different roots have nothing in common, so the checker judges them one by one. The root
 * does not exist at first, and may be deleted again: that is part of the history.
 */
export class Subtree {
  readonly root: string
  /** Operations that have begun. */
  count = 0
  unknown = 0
  readonly #fixed: readonly string[]
  #sequential: string[] = []
  readonly #versions = new Map<string, number>()

  constructor(root: string) {
    this.root = root
    this.#fixed = [root, `${root}/a`, `${root}/b`, `${root}/a/x`]
  }

  pick(rng: Rng): string {
    // Whatever is asked of children that have no parent ends the same way.
    if (!this.#versions.has(this.root) && rng.chance(0.5)) return this.root
    return rng.pick([...this.#fixed, ...this.#fixed, ...this.#sequential])
  }

  /** As somebody was shown it last. */
  versionOf(path: string): number {
    return this.#versions.get(path) ?? 0
  }

  learn(input: ZnodeInput, { path, version, error }: Omit<ZnodeOutput, 'zxid'>): void {
    if (!('path' in input) || error !== null) return
    if (input.f === 'create') {
      this.#versions.set(path ?? input.path, 0)
      if (input.sequential === true && path !== undefined)
        this.#sequential = [...this.#sequential, path].slice(-SEQUENTIAL_MAX)
    }
    if (version !== undefined) this.#versions.set(input.path, version)
    if (input.f !== 'remove') return
    this.#versions.delete(input.path)
    this.#sequential = this.#sequential.filter((each) => each !== input.path)
  }
}

/** One subtree after the other, shared by all clients of a run. */
export class Subtrees {
  readonly #rng: Rng
  #count = 0
  #present: Subtree
  #operationsMax: number

  constructor(rng: Rng) {
    this.#rng = rng
    this.#present = this.#next()
    this.#operationsMax = rng.scale(...OPERATIONS_MAX)
  }

  get present(): Subtree {
    if (this.#present.count >= this.#operationsMax || this.#present.unknown >= UNKNOWN_MAX) {
      this.#present = this.#next()
      this.#operationsMax = this.#rng.scale(...OPERATIONS_MAX)
    }
    return this.#present
  }

  #next(): Subtree {
    return new Subtree(`/test${++this.#count}`)
  }
}
