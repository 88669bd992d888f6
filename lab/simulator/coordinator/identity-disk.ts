import { asIncarnation, type Incarnation } from '../../../protocol/ids.ts'
import type { SimDisk } from '../kernel/disk.ts'

/** A data directory's `identity.json`: what is written is durable at once. Outlives the lives of its process. */
export class IdentityDisk {
  readonly #disk: SimDisk
  #clusterId: string | null = null
  #incarnation = 0

  constructor(disk: SimDisk) {
    this.#disk = disk
  }

  get clusterId(): string | null {
    return this.#clusterId
  }

  adoptCluster(clusterId: string): void {
    if (this.#clusterId === clusterId) return
    if (this.#clusterId !== null) throw new Error(`this is data of ${this.#clusterId}, not of ${clusterId}`)
    this.#needRoom()
    this.#clusterId = clusterId
  }

  nextIncarnation(): Incarnation {
    this.#needRoom()
    this.#incarnation = Math.max(this.#disk.process.wallMs(), this.#incarnation + 1)
    return asIncarnation(this.#incarnation)
  }

  #needRoom(): void {
    if (this.#disk.full) throw new Error('no space left on device')
  }

  wipe(): void {
    this.#clusterId = null
    this.#incarnation = 0
  }
}
