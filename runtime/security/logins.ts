/**
 * Checks names and passwords that are said in plain (AUTH of Redis, HTTP Basic). Who says the right ones is let in at once; who does not waits, without keeping anybody else
 * waiting, and an address that tries many at a time is not even heard.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { MEMBER, type Principal } from '../../protocol/access.ts'
import type { UserDirectory } from '../../protocol/scram.ts'
import type { Log } from '../log.ts'
import { isPasswordOf } from './passwords.ts'

/** From the question to the refusal: the same for a name that nobody has. */
const REFUSAL_MS = 1_000
/** Of one address, until it has been told; the right ones, once known, are not counted. */
const PENDING_PER_ADDRESS_MAX = 16
/** Of all together: each may keep a thread busy. */
const PENDING_MAX = 256
/** In the log. */
const NAME_SHOWN = 64
const PASSWORD_LENGTH_MAX = 1024

export interface Claim {
  readonly name: string
  readonly password: string
  /** The address alone, without the port. */
  readonly remote: string
  /** What was to be opened, for the log. */
  readonly door: 'redis' | 'http'
}

/** `busy`: it was not checked, because too many of that address are, or because this process does not know its users yet. */
export type LoginResult = Principal | 'refused' | 'busy'

export interface LoginsOptions {
  readonly users: UserDirectory
  /** What processes of the cluster itself say, as the user `member`. */
  readonly memberPassword: string
  readonly log: Log
  /** Default: 1000. */
  readonly refusalMs?: number
}

export class Logins {
  readonly #options: LoginsOptions
  /** Passwords are remembered as fingerprints that say nothing to anybody outside of this process. */
  readonly #key = randomBytes(32)
  readonly #verified = new WeakMap<Principal, Buffer>()
  readonly #member: Buffer
  /** A client opens many connections at a time, all with the same words: they are checked once. */
  readonly #underWay = new Map<string, Promise<LoginResult>>()
  /** By address. */
  readonly #pending = new Map<string, number>()

  constructor(options: LoginsOptions) {
    this.#options = options
    this.#member = this.#fingerprint(MEMBER.name, options.memberPassword)
  }

  /** Never rejects. A refusal takes a second. */
  async check(claim: Claim): Promise<LoginResult> {
    const { name, password, remote } = claim
    const { users } = this.#options
    const fingerprint = this.#fingerprint(name, password)
    const known = this.#known(name, fingerprint)
    if (known !== null) return known
    const key = fingerprint.toString('base64')
    const same = this.#underWay.get(key)
    if (same !== undefined) return same
    const pending = this.#pending.get(remote) ?? 0
    if (pending >= PENDING_PER_ADDRESS_MAX || this.#underWay.size >= PENDING_MAX) return 'busy'
    if (users.isComplete?.() === false && users.find(name) === null) return 'busy'
    this.#pending.set(remote, pending + 1)
    const verified = this.#verify(claim, fingerprint)
    this.#underWay.set(key, verified)
    try {
      return await verified
    } finally {
      this.#underWay.delete(key)
      const left = (this.#pending.get(remote) ?? 1) - 1
      if (left === 0) this.#pending.delete(remote)
      else this.#pending.set(remote, left)
    }
  }

  #known(name: string, fingerprint: Buffer): Principal | null {
    if (name === MEMBER.name) return timingSafeEqual(fingerprint, this.#member) ? MEMBER : null
    const principal = this.#options.users.find(name)?.principal
    const verified = principal === undefined ? undefined : this.#verified.get(principal)
    return verified !== undefined && timingSafeEqual(fingerprint, verified) ? (principal ?? null) : null
  }

  async #verify(claim: Claim, fingerprint: Buffer): Promise<LoginResult> {
    const begunMs = performance.now()
    const principal = await this.#derive(claim)
    if (principal !== null) {
      this.#verified.set(principal, fingerprint)
      return principal
    }
    const { log, refusalMs = REFUSAL_MS } = this.#options
    const { name, remote, door } = claim
    log.warn(
      { user: name.slice(0, NAME_SHOWN), remote, door },
      'login refused: no such user, or not his password',
    )
    await sleep(Math.max(0, refusalMs - (performance.now() - begunMs)), undefined, { ref: false })
    return 'refused'
  }

  async #derive({ name, password }: Claim): Promise<Principal | null> {
    const found = this.#options.users.find(name)
    if (found === null || password.length > PASSWORD_LENGTH_MAX) return null
    if (!(await isPasswordOf(found, password))) return null
    // He may have been removed meanwhile.
    return this.#options.users.find(name)?.principal === found.principal ? found.principal : null
  }

  #fingerprint(name: string, password: string): Buffer {
    return createHmac('sha256', this.#key)
      .update(JSON.stringify([name, password]))
      .digest()
  }
}
