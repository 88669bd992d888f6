/** How much a search may cost. Whatever is left out is bounded by the defaults. */
export interface CheckLimits {
  /** Configurations visited, over all parts of a history. Default: no bound. */
  readonly configurationsMax?: number
  /** Memory of the configurations that are remembered, in bytes. Default: 1 GiB. */
  readonly cacheBytesMax?: number
  /** True once the time is over. The checker has no clock; whoever runs it has. */
  readonly expired?: () => boolean
  /** Hears how the search goes, a few times a second at most. */
  readonly progress?: (now: CheckProgress) => void
}

export interface CheckProgress {
  readonly part: string
  /** The greatest number of completed operations that were put in order so far, of how many. */
  readonly explained: number
  readonly operations: number
  readonly configurations: number
}

const CACHE_BYTES_MAX = 1024 ** 3
/** Asking the time costs more than one configuration. */
const CONFIGURATIONS_PER_LOOK = 4096

/** What is left of the limits while parts of a history are searched one after the other. */
export class Budget {
  configurations = 0
  readonly cacheBytesMax: number
  readonly #limits: CheckLimits

  constructor(limits: CheckLimits) {
    this.#limits = limits
    this.cacheBytesMax = limits.cacheBytesMax ?? CACHE_BYTES_MAX
  }

  /** Counts one more configuration. Null: go on; else the limit that ends the search, in words. */
  spend(cacheBytes: number, progress: () => CheckProgress): string | null {
    this.configurations++
    const { configurationsMax = Number.POSITIVE_INFINITY, expired } = this.#limits
    if (this.configurations > configurationsMax)
      return `the limit of ${configurationsMax} configurations was reached`
    if (cacheBytes > this.cacheBytesMax)
      return `the limit of ${Math.round(this.cacheBytesMax / 1024 ** 2)} MiB for remembered configurations was reached`
    if (this.configurations % CONFIGURATIONS_PER_LOOK !== 0) return null
    this.#limits.progress?.(progress())
    return expired?.() === true ? 'the time was over' : null
  }

  get isOver(): boolean {
    return this.#limits.expired?.() === true
  }
}
