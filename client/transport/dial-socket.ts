import { connect, isIP, type Socket } from 'node:net'
import {
  checkServerIdentity,
  createSecureContext,
  type PeerCertificate,
  type SecureContext,
  connect as tlsConnect,
} from 'node:tls'
import type { Address } from '../../protocol/transport.ts'
import type { TlsOptions, TlsSource } from './tls-options.ts'

/** Reading certificates costs milliseconds; the same options are dialled with again and again. */
const contexts = new WeakMap<TlsOptions, SecureContext>()

/** @throws what the files hold is no certificate or key, or they do not belong together. */
export function contextOf(options: TlsOptions): SecureContext {
  const known = contexts.get(options)
  if (known !== undefined) return known
  const { ca, cert, key } = options
  const context = createSecureContext({
    minVersion: 'TLSv1.2',
    ...(ca !== undefined && { ca: Buffer.from(ca) }),
    ...(cert !== undefined && { cert: Buffer.from(cert) }),
    ...(key !== undefined && { key: Buffer.from(key) }),
  })
  contexts.set(options, context)
  return context
}

/**
 * Dials. With TLS the other's certificate must be signed by the `ca` and bear the host's name or address (RFC 9525): otherwise the socket fails before anything is
 * sent over it. What is written before the connection is there waits for it.
 *
 * @param tls - null: in plain.
 */
export function dialSocket({ host, port }: Address, tls: TlsSource | null): Socket {
  if (tls === null) return connect({ host, port, noDelay: true })
  const options = typeof tls === 'function' ? tls() : tls
  const servername = options.servername ?? (isIP(host) === 0 ? host : undefined)
  const secureContext = contextOf(options)
  const socket = tlsConnect({
    ...{ host, port, secureContext, checkServerIdentity: identityCheck(options) },
    ...(servername !== undefined && { servername }),
  })
  return socket.setNoDelay(true)
}

/** Of whom the CA has signed, who may be the server. */
export const identityCheck =
  ({ unit }: TlsOptions) =>
  (name: string, certificate: PeerCertificate): Error | undefined => {
    const mismatch = checkServerIdentity(name, certificate)
    if (mismatch !== undefined || unit === undefined) return mismatch
    if (unitsOf(certificate.subject).includes(unit)) return undefined
    return new Error(`the server’s certificate has no OU=${unit}`)
  }

/** Of a certificate's subject. A certificate may have several. */
export const unitsOf = ({ OU = [] }: { readonly OU?: string | readonly string[] }): readonly string[] =>
  [OU].flat()

/** When what is written reaches the other, and he is who he should be. */
export const connectedEvent = (tls: TlsSource | null) => (tls === null ? 'connect' : 'secureConnect')
