/** Names and numbers that every part agrees on. Branded, so that an `Epoch` cannot be passed as a `Seq`. */

declare const brand: unique symbol
type Brand<Base, Name extends string> = Base & { readonly [brand]: Name }

/** A data-server process, for example `n1`. Stable across restarts. */
export type ServerId = Brand<string, 'ServerId'>
/** One chain, for example `c0`. */
export type ChainId = Brand<string, 'ChainId'>
/** Number of a chain configuration. Only grows. Never Raft's, never ZooKeeper's. */
export type Epoch = Brand<number, 'Epoch'>
/** Position of an entry in its chain's log: consecutive, from 1, across epochs. 0 means "before the first". */
export type Seq = Brand<number, 'Seq'>
/** Life of a server as a member: a restart, or a new coordinator session, takes a higher one. */
export type Incarnation = Brand<number, 'Incarnation'>
/** A client session on one chain: the seq of the entry that opened it, so that it is never used twice. */
export type SessionId = Brand<number, 'SessionId'>
/** Number of a write within its session: consecutive, from 1. */
export type RequestNumber = Brand<number, 'RequestNumber'>
/** Milliseconds. Of a monotonic clock unless the name says `wall`. */
export type Millis = Brand<number, 'Millis'>
/** A key as a byte string: each character is one byte (0 to 255), so that order is byte order and any bytes are a key. */
export type Key = Brand<string, 'Key'>
/** Correlates a request with its reply between a core and its runtime. Never leaves the process. */
export type RequestId = Brand<number, 'RequestId'>

export const asServerId = (id: string) => id as ServerId
export const asChainId = (id: string) => id as ChainId
export const asEpoch = (n: number) => n as Epoch
export const asSeq = (n: number) => n as Seq
export const asIncarnation = (n: number) => n as Incarnation
export const asSessionId = (n: number) => n as SessionId
export const asRequestNumber = (n: number) => n as RequestNumber
export const asMillis = (n: number) => n as Millis
export const asKey = (bytes: string) => bytes as Key
export const asRequestId = (n: number) => n as RequestId

/** The seq before the first entry. */
export const NO_SEQ = asSeq(0)
/** The epoch before the first configuration. */
export const NO_EPOCH = asEpoch(0)
