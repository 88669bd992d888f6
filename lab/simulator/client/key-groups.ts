import { asKey, type ChainId, type Key } from '../../../protocol/ids.ts'
import { slotOf } from '../../../protocol/slots.ts'

/** Keys of one chain that operations may use together: the checker judges them as one part. */
export interface KeyGroup {
  readonly chain: ChainId
  readonly registers: readonly Key[]
  /** Only ever incremented and read. */
  readonly counter: Key
  /** What was last shown of each key, by whomever: what conditional writes expect. */
  readonly shown: Map<string, { readonly version: number; readonly value: string }>
  operations: number
  /** Of them, how many wait for their answer. */
  open: number
  /** Writes of which nobody knows whether they happened. */
  unknown: number
}

export interface GroupLimits {
  /** A group is left for a new one after so many operations, because the checker's work grows faster than a history. */
  readonly operationsMax: number
  /** And while so many wait at once: their orders are many. */
  readonly openMax: number
  readonly unknownMax: number
  readonly registers: number
}

export const GROUP_LIMITS: GroupLimits = { operationsMax: 120, openMax: 10, unknownMax: 6, registers: 3 }

/** The keys that a run uses: for each chain one group after the other. */
export class KeyGroups {
  readonly #chains: readonly ChainId[]
  readonly #chainOf: (key: Key) => ChainId | null
  readonly #limits: GroupLimits
  readonly #current = new Map<ChainId, KeyGroup>()
  readonly #all: KeyGroup[] = []
  #tags = 0

  /** @param options.chainOf - as the slots of the chains have it. */
  constructor(options: {
    chains: readonly ChainId[]
    chainOf: (key: Key) => ChainId | null
    limits?: Partial<GroupLimits>
  }) {
    this.#chains = options.chains
    this.#chainOf = options.chainOf
    this.#limits = { ...GROUP_LIMITS, ...options.limits }
  }

  get all(): readonly KeyGroup[] {
    return this.#all
  }

  get chains(): readonly ChainId[] {
    return this.#chains
  }

  /** The group of a chain to use now. */
  of(chain: ChainId): KeyGroup {
    const group = this.#current.get(chain)
    if (group !== undefined && this.#hasRoom(group)) return group
    const next = this.#make(chain)
    this.#current.set(chain, next)
    this.#all.push(next)
    return next
  }

  #hasRoom({ operations, open, unknown }: KeyGroup): boolean {
    const { operationsMax, openMax, unknownMax } = this.#limits
    return operations < operationsMax && open < openMax && unknown < unknownMax
  }

  #make(chain: ChainId): KeyGroup {
    let tag = ''
    // As many tries as there are chains, more or less; the bound is for chains that no slot leads to.
    for (let tries = 0; tries < 100_000; tries++) {
      tag = `{${this.#tags++}}`
      if (this.#chainOf(asKey(`${tag}a`)) === chain) break
    }
    return {
      chain,
      registers: Array.from({ length: this.#limits.registers }, (_, i) =>
        asKey(tag + String.fromCharCode(97 + i)),
      ),
      counter: asKey(`${tag}n`),
      shown: new Map(),
      operations: 0,
      open: 0,
      unknown: 0,
    }
  }
}

/** The chain of a key, where `count` chains share the slots evenly, as the manager has them. */
export function evenChainOf(chains: readonly ChainId[]): (key: Key) => ChainId | null {
  return (key) => {
    const slot = slotOf(key)
    const count = chains.length
    for (let i = 0; i < count; i++)
      if (slot < Math.floor(((i + 1) * 16_384) / count)) return chains[i] ?? null
    return null
  }
}
