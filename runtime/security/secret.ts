/** The secret that the processes of a cluster share. It is never sent and never printed: what they say to each other derives from it. */
import { createHmac } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { inspect } from 'node:util'

const SECRET_BYTES_MIN = 16
const SECRET_BYTES_MAX = 4096
const HIDDEN = '[secret]'

/** What derives from it: none of these tells anything of the others. */
export class ClusterSecret {
  readonly #secret: Uint8Array

  /** @throws {Error} fewer than 16 bytes, or more than 4096. */
  constructor(secret: Uint8Array) {
    if (secret.length < SECRET_BYTES_MIN || secret.length > SECRET_BYTES_MAX)
      throw new Error(
        `a secret has ${SECRET_BYTES_MIN} to ${SECRET_BYTES_MAX} bytes, and this one ${secret.length}: \`catenary secret\` prints a good one`,
      )
    this.#secret = secret
  }

  /** The password of the user `member` on native and peer connections: who proves that he knows it is a process of the cluster. */
  get linkPassword(): string {
    return this.#derive('link')
  }

  /** The password of the digest user `catenary` at the coordinators. */
  get coordinatorPassword(): string {
    return this.#derive('coordinator')
  }

  /** The password of the user `member` at http doors. */
  get httpPassword(): string {
    return this.#derive('http')
  }

  /** Salts for names that nobody has: the same at every server, so that two of them do not give away who exists. */
  get strangersKey(): Uint8Array {
    return this.#hmac('strangers')
  }

  #derive(label: string): string {
    return Buffer.from(this.#hmac(label)).toString('base64url')
  }

  #hmac(label: string): Uint8Array {
    return createHmac('sha256', this.#secret).update(label).digest()
  }

  toString(): string {
    return HIDDEN
  }

  toJSON(): string {
    return HIDDEN
  }

  [inspect.custom](): string {
    return HIDDEN
  }
}

/**
 * Reads `--secret-file`. Blanks and line ends around the secret do not count.
 *
 * @throws {Error} the file cannot be read, others may read it, or it holds no secret.
 *
 * @example
 * const secret = readSecret('cluster.secret') // made by: (umask 077; catenary secret > cluster.secret)
 */
export function readSecret(path: string): ClusterSecret {
  try {
    const { mode } = statSync(path)
    // Windows keeps no such bits.
    if ((mode & 0o077) !== 0 && process.platform !== 'win32')
      throw new Error(`others may read it: chmod 600 ${path}`)
    return new ClusterSecret(Buffer.from(readFileSync(path, 'utf8').trim()))
  } catch (error) {
    throw new Error(`--secret-file ${path}: ${(error as Error).message}`, { cause: error })
  }
}
