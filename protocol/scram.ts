/**
 * SCRAM-SHA-256 (RFC 5802, RFC 7677): the client proves that he knows a password, the server that it has what the password leaves behind, and neither says any of it.
 * What both have said before is bound into the proof in the way in which SCRAM binds a channel (RFC 5802 §6), so that neither can be put into the other's mouth.
 *
 * Knows nothing of sockets. Deriving the key of a password takes long, so the owner does it, between two steps.
 * Departs: a password is its UTF-8, without the normalisation of RFC 4013; attributes that are no part of the RFCs are refused instead of ignored.
 */
import type { Principal } from './access.ts'
import { fromBase64, toBase64 } from './base64.ts'

/** What a world must give for it. */
export interface ScramCrypto {
  hmac(key: Uint8Array, data: Uint8Array): Uint8Array
  sha256(data: Uint8Array): Uint8Array
  /** Bytes that nobody can foretell. */
  random(count: number): Uint8Array
  /** In a time that does not tell where they differ. */
  areEqual(one: Uint8Array, other: Uint8Array): boolean
}

/** What is kept of a password (RFC 5802 §3): good for recognising it, and not for saying it. */
export interface ScramRecord {
  readonly salt: Uint8Array
  /** Of PBKDF2. */
  readonly iterations: number
  readonly storedKey: Uint8Array
  readonly serverKey: Uint8Array
}

export interface UserDirectory {
  /** Null: there is no such user. The principal stays the same object for as long as the proof is good. */
  find(name: string): (ScramRecord & { readonly principal: Principal }) | null
  /** False: who is not found may be there all the same, so nobody is refused for good. Default: true. */
  isComplete?(): boolean
  /** Calls back when what a proof has led to changes; `gone`: it is worth nothing any more. */
  onChange?(listener: (principal: Principal, change: 'grants' | 'gone') => void): () => void
}

/** Fewer were for the machines of 2010 (RFC 7677 §4): who asks for fewer wants to guess. More, and a server could keep its clients busy. */
export const ITERATIONS_MIN = 4096
export const ITERATIONS_MAX = 2_000_000
/** Of new passwords, and of those that nobody has. */
export const ITERATIONS = 100_000

/** The other side breaks the rules, or has not proved who it is. */
export class ScramError extends Error {
  override readonly name = 'ScramError'
  /** What RFC 5802 §7 calls it: `invalid-proof` and `other-error` are said to the other side. */
  readonly code: 'malformed' | 'invalid-proof' | 'other-error'

  constructor(code: ScramError['code'], message: string) {
    super(message)
    this.code = code
  }
}

const NONCE_BYTES = 18
const SALT_BYTES = 16
const BINDING_NAME = 'catenary-hellos'

const encoder = new TextEncoder()
const utf8 = (text: string): Uint8Array => encoder.encode(text)

/** `null` binds nothing: the plain mechanism of the RFC. */
const headerOf = (binding: Uint8Array | null): string => (binding === null ? 'n,,' : `p=${BINDING_NAME},,`)

/** The `c` attribute: what was begun with, and what is bound. */
function bindingText(binding: Uint8Array | null): string {
  const header = utf8(headerOf(binding))
  const bytes = new Uint8Array(header.length + (binding?.length ?? 0))
  bytes.set(header)
  if (binding !== null) bytes.set(binding, header.length)
  return toBase64(bytes)
}

interface Sides {
  readonly primitives: ScramCrypto
  /** What both sides have seen; null: nothing. */
  readonly binding: Uint8Array | null
  /** For tests. Default: drawn. */
  readonly nonce?: string
}

/** What is kept of a password whose key has been derived. */
export function recordOf(
  primitives: ScramCrypto,
  { salted, salt, iterations }: Pick<ScramRecord, 'salt' | 'iterations'> & { readonly salted: Uint8Array },
): ScramRecord {
  const storedKey = primitives.sha256(primitives.hmac(salted, utf8('Client Key')))
  return { salt, iterations, storedKey, serverKey: primitives.hmac(salted, utf8('Server Key')) }
}

/**
 * He who dials. `first` is said, `onChallenge` asks for a key, `proof` is said with it, and `onVerdict` returns where both are proved.
 *
 * @example
 * const client = new ScramClient({ primitives, user: 'ann', binding })
 * const { salt, iterations } = client.onChallenge(await ask(client.first))
 * client.onVerdict(await ask(client.proof(await derive(password, salt, iterations))))
 */
export class ScramClient {
  readonly first: string
  readonly #primitives: ScramCrypto
  readonly #binding: string
  readonly #nonce: string
  #challenge = ''
  #wholeNonce = ''
  #expected: Uint8Array | null = null

  constructor({ primitives, binding, nonce, user }: Sides & { readonly user: string }) {
    this.#primitives = primitives
    this.#binding = bindingText(binding)
    this.#nonce = nonce ?? toBase64(primitives.random(NONCE_BYTES))
    this.first = `${headerOf(binding)}n=${toSaslName(user)},r=${this.#nonce}`
  }

  /** @throws {ScramError} it is no challenge to what was said, or an unreasonable one. */
  onChallenge(text: string): Pick<ScramRecord, 'salt' | 'iterations'> {
    throwRefusal(text)
    const [, nonce = '', saltText = '', count] =
      /^r=([\x21-\x2b\x2d-\x7e]+),s=([^,]+),i=([1-9]\d{0,9})$/.exec(text) ?? []
    const salt = fromBase64(saltText)
    if (salt === null || salt.length === 0) throw malformed('it is no challenge')
    if (!nonce.startsWith(this.#nonce) || nonce.length === this.#nonce.length)
      throw malformed('it answers another question')
    const iterations = Number(count)
    if (iterations < ITERATIONS_MIN || iterations > ITERATIONS_MAX)
      throw malformed(
        `it asks for ${iterations} iterations; ${ITERATIONS_MIN} to ${ITERATIONS_MAX} are reasonable`,
      )
    this.#challenge = text
    this.#wholeNonce = nonce
    return { salt, iterations }
  }

  /** @param salted - PBKDF2-HMAC-SHA-256 of the password, 32 bytes. */
  proof(salted: Uint8Array): string {
    const primitives = this.#primitives
    const clientKey = primitives.hmac(salted, utf8('Client Key'))
    const final = `c=${this.#binding},r=${this.#wholeNonce}`
    const message = utf8(`${bare(this.first)},${this.#challenge},${final}`)
    const signature = primitives.hmac(primitives.sha256(clientKey), message)
    this.#expected = primitives.hmac(primitives.hmac(salted, utf8('Server Key')), message)
    return `${final},p=${toBase64(xor(clientKey, signature))}`
  }

  /** Returns where the server has proved itself, too. @throws {ScramError} it refuses, or it is not who it should be. */
  onVerdict(text: string): void {
    throwRefusal(text)
    const signature = fromBase64(/^v=(.+)$/.exec(text)?.[1] ?? '')
    const expected = this.#expected
    if (signature === null || expected === null) throw malformed('it is no verdict')
    if (signature.length !== expected.length || !this.#primitives.areEqual(signature, expected))
      throw new ScramError('invalid-proof', 'it has not proved that it knows this user')
  }
}

/** What a server finds. */
export type Verdict =
  | { readonly type: 'proved'; readonly principal: Principal; readonly text: string }
  | { readonly type: 'refused'; readonly reason: string }

/** He who listens: answers `onFirst`, then finds a verdict. Who is not there is asked like everybody else, and never right. */
export class ScramServer {
  readonly #options: Sides & { readonly users: UserDirectory; readonly strangersKey: Uint8Array }
  #user = ''
  #found: ScramRecord | null = null
  #principal: Principal | null = null
  #firstBare = ''
  #challenge = ''
  #wholeNonce = ''

  /** @param options.strangersKey - the same at all servers of a cluster, and known to them alone. */
  constructor(options: Sides & { readonly users: UserDirectory; readonly strangersKey: Uint8Array }) {
    this.#options = options
  }

  /** Who he says that he is; empty before he has. */
  get user(): string {
    return this.#user
  }

  /** @returns the challenge. @throws {ScramError} it is no first message. */
  onFirst(text: string): string {
    const { primitives, binding, users, nonce } = this.#options
    const header = headerOf(binding)
    const [, name = '', theirs = ''] =
      /^n=([^,]+),r=([\x21-\x2b\x2d-\x7e]{8,128})$/.exec(
        text.startsWith(header) ? text.slice(header.length) : '',
      ) ?? []
    const user = fromSaslName(name)
    if (user === null || theirs === '') throw malformed('it does not begin a proof')
    this.#user = user
    const found = users.find(user)
    // Made for everybody, so that the time it takes tells nothing, either.
    const stranger = this.#strangersRecord(user)
    this.#principal = found?.principal ?? null
    this.#found = found ?? stranger
    this.#firstBare = text.slice(header.length)
    this.#wholeNonce = `${theirs}${nonce ?? toBase64(primitives.random(NONCE_BYTES))}`
    const { salt, iterations } = this.#found
    this.#challenge = `r=${this.#wholeNonce},s=${toBase64(salt)},i=${iterations}`
    return this.#challenge
  }

  /** @throws {ScramError} it is no proof at all. */
  onFinal(text: string): Verdict {
    const { primitives, binding } = this.#options
    const found = this.#found
    const [, final = '', bound, nonce, proofText = ''] = /^(c=([^,]+),r=([^,]+)),p=([^,]+)$/.exec(text) ?? []
    const proof = fromBase64(proofText)
    if (found === null || proof?.length !== found.storedKey.length) throw malformed('it is no proof')
    if (nonce !== this.#wholeNonce) throw malformed('it answers another question')
    if (bound !== bindingText(binding))
      return { type: 'refused', reason: 'has not seen the hellos that were said here' }
    const message = utf8(`${this.#firstBare},${this.#challenge},${final}`)
    const clientKey = xor(proof, primitives.hmac(found.storedKey, message))
    const isRight = primitives.areEqual(primitives.sha256(clientKey), found.storedKey)
    const principal = this.#principal
    if (!isRight || principal === null)
      return { type: 'refused', reason: 'has not proved who he is: no such user, or not his password' }
    return { type: 'proved', principal, text: `v=${toBase64(primitives.hmac(found.serverKey, message))}` }
  }

  /** The same each time, so that a name that nobody has looks like one that somebody has. No key opens it. */
  #strangersRecord(user: string): ScramRecord {
    const { primitives, strangersKey } = this.#options
    const drawn = (label: string) => primitives.hmac(strangersKey, utf8(`${label} ${user}`))
    const salt = drawn('salt').slice(0, SALT_BYTES)
    return { salt, iterations: ITERATIONS, storedKey: drawn('stored'), serverKey: drawn('server') }
  }
}

/** What is said to somebody who is refused. */
export const refusalText = (code: 'invalid-proof' | 'other-error'): string => `e=${code}`

function throwRefusal(text: string): void {
  const code = /^e=([a-z-]+)$/.exec(text)?.[1]
  if (code === 'invalid-proof') throw new ScramError('invalid-proof', 'no such user, or not his password')
  if (code !== undefined) throw new ScramError('other-error', 'it does not look at proofs at the moment')
}

const malformed = (message: string) => new ScramError('malformed', message)

/** The first message without its header. */
const bare = (first: string): string => first.slice(first.indexOf(',,') + 2)

const xor = (one: Uint8Array, other: Uint8Array): Uint8Array => one.map((byte, at) => byte ^ (other[at] ?? 0))

const toSaslName = (name: string): string => name.replaceAll('=', '=3D').replaceAll(',', '=2C')

function fromSaslName(text: string): string | null {
  const name = text.replaceAll('=2C', ',').replaceAll('=3D', '=')
  return toSaslName(name) === text && text !== '' ? name : null
}
