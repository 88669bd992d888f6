/** What the store refuses, in words that a client of Redis acts upon. */
import type { Failure } from '../../../protocol/commands.ts'
import { ERRORS } from '../../../protocol/errors.ts'
import type { Key } from '../../../protocol/ids.ts'
import { TOO_LONG } from './reply-error.ts'
import type { Topology } from './topology.ts'

/**
 * Clients repeat what was answered MOVED, CLUSTERDOWN or TRYAGAIN, so these are said only where nothing has happened. A write whose
 * outcome is open is UNCERTAIN, which no client repeats by itself.
 */
export function failureText({ code, message }: Failure, key: Key | null, topology: Topology): string {
  if (ERRORS[code].retry === 'after-refresh')
    return key === null ? `CLUSTERDOWN ${message}` : topology.redirection(key)
  if (code === 'OVERLOADED') return `TRYAGAIN ${message}`
  if (code === 'TOO_LARGE') return /value would have/.test(message) ? TOO_LONG : `ERR ${message}`
  if (ERRORS[code].outcome === 'indefinite') return `UNCERTAIN ${message}`
  return `ERR ${message}`
}
