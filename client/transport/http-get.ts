/** One GET at an http door, over TLS where the cluster speaks it. */
import { type ClientRequest, get, type IncomingMessage } from 'node:http'
import { get as getOverTls } from 'node:https'
import type { Address } from '../../protocol/transport.ts'
import { contextOf, identityCheck } from './dial-socket.ts'
import { tlsFailureText } from './tls-mistakes.ts'
import type { TlsOptions } from './tls-options.ts'

export interface HttpQuestion extends Address {
  readonly path: string
  /** The header of that name; null: nothing is said of who asks. */
  readonly authorization: string | null
  /** Null: in plain. */
  readonly tls: TlsOptions | null
}

/** A connection of its own, which ends with the answer. Fails as `http.get` does, with an error for `httpFailureText`. */
export function httpGet(
  { tls, authorization, ...where }: HttpQuestion,
  onResponse: (response: IncomingMessage) => void,
): ClientRequest {
  const headers = authorization === null ? {} : { authorization }
  const options = { ...where, headers, agent: false as const }
  if (tls === null) return get(options, onResponse)
  const { servername } = tls
  const secured = {
    ...{ ...options, secureContext: contextOf(tls), checkServerIdentity: identityCheck(tls) },
    ...(servername !== undefined && { servername }),
  }
  return getOverTls(secured, onResponse)
}

/** Of a question that got no answer. */
export function httpFailureText(error: Error & { readonly code?: string }, tls: TlsOptions | null): string {
  // A port that speaks TLS answers a plain question by hanging up, or by what is no http.
  const mayBeTls = tls === null && /socket hang up|Expected HTTP|ECONNRESET/.test(error.message)
  return mayBeTls ? `${error.message}: if it speaks TLS, give --tls-ca` : tlsFailureText(error)
}
