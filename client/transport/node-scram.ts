/** SCRAM's arithmetic with Node's own cryptography, and what a dialler keeps of his password. */
import { createHash, createHmac, pbkdf2, randomBytes, timingSafeEqual } from 'node:crypto'
import { inspect, promisify } from 'node:util'
import type { ScramCrypto, ScramRecord } from '../../protocol/scram.ts'

export const NODE_SCRAM: ScramCrypto = {
  hmac: (key, data) => createHmac('sha256', key).update(data).digest(),
  sha256: (data) => createHash('sha256').update(data).digest(),
  random: (count) => randomBytes(count),
  areEqual: (one, other) => timingSafeEqual(one, other),
}

/** In the thread pool: the event loop goes on meanwhile. */
const derive = promisify(pbkdf2)
const KEY_BYTES = 32

/** Who a process is to those that it dials. */
export interface Credentials {
  readonly user: string
  readonly password: string
}

/** Credentials in use. The key that was derived last is kept, so that all connections but the first cost nothing; it does not show itself. */
export class Prover {
  readonly user: string
  readonly #password: string
  #known: { readonly question: string; readonly salted: Promise<Uint8Array> } | null = null

  constructor({ user, password }: Credentials) {
    this.user = user
    this.#password = password
  }

  salted({ salt, iterations }: Pick<ScramRecord, 'salt' | 'iterations'>): Promise<Uint8Array> {
    const question = `${iterations} ${Buffer.from(salt).toString('base64')}`
    if (this.#known?.question !== question)
      this.#known = { question, salted: derive(this.#password, salt, iterations, KEY_BYTES, 'sha256') }
    return this.#known.salted
  }

  [inspect.custom](): string {
    return `[proof of ${this.user}]`
  }
}
