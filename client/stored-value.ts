import type { Versioned } from '../protocol/commands.ts'

/** A value as it was stored under a key. */
export class StoredValue {
  /** The bytes. Yours to keep. */
  readonly value: Uint8Array
  /** Number of the write that stored it. Grows with every write of the key, also across a delete and a new put. */
  readonly version: number
  /** False where this value may still vanish: possible for reads that are not strong (trap 19). */
  readonly committed: boolean
  readonly #expiresAtWallMs: number

  constructor({ value, version, expiresAtWallMs }: Versioned, committed: boolean) {
    this.value = value
    this.version = version
    this.committed = committed
    this.#expiresAtWallMs = expiresAtWallMs
  }

  /** The bytes read as UTF-8. */
  text(): string {
    const { buffer, byteOffset, byteLength } = this.value
    return Buffer.from(buffer, byteOffset, byteLength).toString('utf8')
  }

  /** When the head of the chain deletes the key; null: never. */
  get expiresAt(): Date | null {
    return this.#expiresAtWallMs === 0 ? null : new Date(this.#expiresAtWallMs)
  }
}

/** One item of a scan. */
export class ScanItem extends StoredValue {
  /** The key read as UTF-8. */
  readonly key: string
  readonly #keyBytes: string

  constructor(keyBytes: string, versioned: Versioned, committed: boolean) {
    super(versioned, committed)
    this.#keyBytes = keyBytes
    this.key = Buffer.from(keyBytes, 'latin1').toString('utf8')
  }

  /** The key as it is stored: not every key is text. */
  get keyBytes(): Uint8Array {
    return Uint8Array.from(this.#keyBytes, (byte) => byte.charCodeAt(0))
  }
}
