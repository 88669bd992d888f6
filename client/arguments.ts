/** Turns what callers pass into what the protocol carries, and refuses what no server would accept, before anything is sent. */
import type { Condition, Consistency, Expiry } from '../protocol/commands.ts'
import { StoreError } from '../protocol/errors.ts'
import { asKey, asMillis, asSeq, type Key } from '../protocol/ids.ts'
import { KEY_BYTES_MAX, VALUE_BYTES_MAX } from '../protocol/limits.ts'
import { READ_POLICIES, type ReadPolicy } from './core/events.ts'

/** Keys and values: a string stands for its UTF-8 bytes. */
export type Bytes = string | Uint8Array

/** How fresh a read must be (CRAQ §2.4). */
export type ConsistencyOption =
  | 'strong'
  | 'eventual'
  | { readonly maxAgeMs: number }
  | { readonly maxVersions: number }

/** When a key is deleted by itself. At most one of these; none: never. */
export interface ExpiryOptions {
  /** Milliseconds from now, by this machine's clock. */
  readonly expiresInMs?: number
  /** A moment; numbers are milliseconds since 1970. */
  readonly expiresAt?: Date | number
  /** Keeps the expiry that the key has. */
  readonly keepExpiry?: boolean
}

/** When a write applies. At most one of these; none: always. */
export interface ConditionOptions {
  readonly ifAbsent?: boolean
  readonly ifPresent?: boolean
  /** The version that a read returned. */
  readonly ifVersion?: number
}

export const PAGE_SIZE_MAX = 10_000
/** A retry must not outlive the memory that chains have of idle sessions. */
export const TIMEOUT_MS_MAX = 30 * 60_000

const ASCII = /^[\0-\x7f]*$/

export const badArgument = (message: string) => new StoreError('BAD_ARGUMENT', message)

/** A key as a byte string. @throws {StoreError} `BAD_ARGUMENT`, `TOO_LARGE`. */
export function toKey(key: Bytes): Key {
  const bytes = toByteString(key, 'a key')
  if (bytes.length === 0) throw badArgument(`the key is empty; a key has 1 to ${KEY_BYTES_MAX} bytes`)
  if (bytes.length > KEY_BYTES_MAX) {
    throw new StoreError('TOO_LARGE', `the key has ${bytes.length} bytes; the limit is ${KEY_BYTES_MAX}`)
  }
  return asKey(bytes)
}

export function toPrefix(prefix: Bytes): Key {
  const bytes = toByteString(prefix, 'a prefix')
  if (bytes.length <= KEY_BYTES_MAX) return asKey(bytes)
  throw new StoreError('TOO_LARGE', `the prefix has ${bytes.length} bytes; the limit is ${KEY_BYTES_MAX}`)
}

function toByteString(text: Bytes, what: string): string {
  if (typeof text === 'string') return ASCII.test(text) ? text : Buffer.from(text, 'utf8').toString('latin1')
  if (text instanceof Uint8Array)
    return Buffer.from(text.buffer, text.byteOffset, text.byteLength).toString('latin1')
  throw badArgument(`${what} is a string or a Uint8Array, not ${typeof text}`)
}

/** @throws {StoreError} `BAD_ARGUMENT`, `TOO_LARGE`. */
export function toValue(value: Bytes): Uint8Array {
  if (typeof value !== 'string' && !(value instanceof Uint8Array)) {
    throw badArgument(`a value is a string or a Uint8Array, not ${typeof value}`)
  }
  const bytes = typeof value === 'string' ? Buffer.from(value, 'utf8') : value
  if (bytes.length <= VALUE_BYTES_MAX) return bytes
  throw new StoreError('TOO_LARGE', `the value has ${bytes.length} bytes; the limit is ${VALUE_BYTES_MAX}`)
}

const STRONG: Consistency = { type: 'strong' }
const EVENTUAL: Consistency = { type: 'eventual' }

export function toConsistency(option: ConsistencyOption | undefined): Consistency {
  if (option === undefined || option === 'strong') return STRONG
  if (option === 'eventual') return EVENTUAL
  if (typeof option === 'object' && option !== null && 'maxAgeMs' in option) {
    return { type: 'bounded-age', maxAgeMs: asMillis(positive('maxAgeMs', option.maxAgeMs)) }
  }
  if (
    typeof option === 'object' &&
    option !== null &&
    Number.isSafeInteger(option.maxVersions) &&
    option.maxVersions >= 0
  ) {
    return { type: 'bounded-versions', maxVersions: option.maxVersions }
  }
  throw badArgument(
    `consistency ${JSON.stringify(option)}: use 'strong', 'eventual', { maxAgeMs } or { maxVersions }`,
  )
}

export function toPolicy(policy: ReadPolicy): ReadPolicy {
  if (READ_POLICIES.includes(policy)) return policy
  throw badArgument(`read policy ${JSON.stringify(policy)}: use one of ${READ_POLICIES.join(', ')}`)
}

export function toTimeout(timeoutMs: number): number {
  if (timeoutMs > 0 && timeoutMs <= TIMEOUT_MS_MAX) return timeoutMs
  throw badArgument(`timeoutMs ${timeoutMs}: use a number above 0 and up to ${TIMEOUT_MS_MAX}`)
}

const NEVER: Expiry = { type: 'set', atWallMs: asMillis(0) }
const KEEP: Expiry = { type: 'keep' }

export function toExpiry(options: ExpiryOptions, wallMs: () => number): Expiry {
  const { expiresInMs, expiresAt, keepExpiry = false } = options
  if (expiresInMs === undefined && expiresAt === undefined) return keepExpiry ? KEEP : NEVER
  if (keepExpiry || (expiresInMs !== undefined && expiresAt !== undefined)) {
    throw badArgument('use only one of expiresInMs, expiresAt and keepExpiry')
  }
  const at = expiresInMs === undefined ? Number(expiresAt) : wallMs() + positive('expiresInMs', expiresInMs)
  return { type: 'set', atWallMs: asMillis(positive('expiresAt', Math.ceil(at))) }
}

export function toCondition(options: ConditionOptions): Condition | null {
  const { ifAbsent = false, ifPresent = false, ifVersion } = options
  if (!ifAbsent && !ifPresent && ifVersion === undefined) return null
  if (Number(ifAbsent) + Number(ifPresent) + Number(ifVersion !== undefined) > 1) {
    throw badArgument('use only one of ifAbsent, ifPresent and ifVersion')
  }
  if (ifVersion !== undefined) return { type: 'version', version: toVersion(ifVersion) }
  return { type: ifAbsent ? 'absent' : 'present' }
}

export function toVersion(version: number) {
  if (Number.isSafeInteger(version) && version >= 0) return asSeq(version)
  throw badArgument(`version ${version}: use the version that a read returned`)
}

/** The first seq to watch of each chain; null: from now on. */
export function toFromSeq(
  fromSeq: number | Readonly<Record<string, number>> | undefined,
  chain: string,
): number | null {
  const from = typeof fromSeq === 'number' ? fromSeq : fromSeq?.[chain]
  if (from === undefined) return null
  if (Number.isSafeInteger(from) && from >= 1) return from
  throw badArgument(`fromSeq ${from}: use a whole number from 1 on, or the positions of an earlier watch`)
}

export function toAmount(by: number): number {
  if (Number.isSafeInteger(by)) return by
  throw badArgument(`increment by ${by}: use a whole number between -(2^53 - 1) and 2^53 - 1`)
}

function positive(name: string, value: number): number {
  if (value > 0 && value <= Number.MAX_SAFE_INTEGER) return value
  throw badArgument(`${name} ${value}: use a number above 0`)
}
