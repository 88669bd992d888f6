/** An error that a client is told, in Redis 7's words where Redis has the case. Anything else that is thrown is a bug. */
export class ReplyError extends Error {}

/** The client broke the protocol: it is told why, and its connection closed. */
export class RequestError extends Error {}

export const SYNTAX = 'ERR syntax error'
export const NOT_INTEGER = 'ERR value is not an integer or out of range'
export const NOT_FLOAT = 'ERR value is not a valid float'
export const OVERFLOW = 'ERR increment or decrement would overflow'
export const TOO_LONG = 'ERR string exceeds maximum allowed size (proto-max-bulk-len)'
export const CROSS_SLOT = "CROSSSLOT Keys in request don't hash to the same slot"
export const SLOT_DOWN = 'CLUSTERDOWN Hash slot not served'
export const NO_KEY = 'ERR no such key'

export const wrongArity = (name: string) => `ERR wrong number of arguments for '${name}' command`

/** @throws {ReplyError} the option was given twice, with another that excludes it, or is none. */
export function syntaxError(): never {
  throw new ReplyError(SYNTAX)
}
