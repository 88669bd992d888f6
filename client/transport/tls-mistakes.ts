/** One side speaks TLS and the other does not, or they do not trust each other: what the first bytes, or the error, give away, in the words of whoever set it up. */
const [ALERT, HANDSHAKE] = [0x15, 0x16]

/** Every record of TLS begins with its type and 3. Nothing of ours does: a first length is short, a first command a word. */
const begins = (chunk: Uint8Array, type: number) => chunk[0] === type && chunk[1] === 3

/** What the first bytes of a connection without TLS say of the other side; null: it does not speak TLS. */
export function tlsSpeakerIn(firstChunk: Uint8Array): string | null {
  if (begins(firstChunk, HANDSHAKE))
    return 'it speaks TLS, and here nobody does: --tls-cert and --tls-key would'
  if (begins(firstChunk, ALERT)) return 'the server speaks TLS: give --tls-ca (in programs `tls`)'
  return null
}

interface SocketError {
  readonly code?: string
  readonly message: string
}

/** A dialler's error. */
export const tlsFailureText = (error: SocketError): string => withAdvice(error, DIALLED)

/** Whether it would be the same a moment later: what is wrong is a certificate, and not the network. */
export const isTlsRefusal = (error: SocketError): boolean =>
  DIALLED.some(([pattern, , lasts]) => lasts && pattern.test(wordsOf(error)))

/** A listener's error. @param untrusted - what is wrong with the certificate that was shown. */
export function handshakeText(error: SocketError, untrusted: Error | string | null | undefined): string {
  if (untrusted) return `its certificate is not accepted: ${String(untrusted)}`
  return withAdvice(error, LISTENED)
}

const wordsOf = ({ code = '', message }: SocketError) => `${code} ${message}`

function withAdvice(error: SocketError, table: readonly (readonly [RegExp, string, boolean?])[]): string {
  const found = table.find(([pattern]) => pattern.test(wordsOf(error)))
  return found === undefined ? error.message : `${found[1]} (${error.code ?? error.message})`
}

const DIALLED: readonly (readonly [pattern: RegExp, advice: string, lasts: boolean])[] = [
  [/WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG/, 'the server does not speak TLS: leave --tls-ca out', true],
  [
    /before secure TLS connection/,
    'the server has hung up during the handshake: perhaps it does not speak TLS',
    false,
  ],
  [/CERT_HAS_EXPIRED/, 'the server’s certificate has expired', true],
  [
    /UNABLE_TO_|SELF_SIGNED|CERT_SIGNATURE/,
    'the server’s certificate is signed by nobody whom --tls-ca names',
    true,
  ],
  [/ALTNAME_INVALID/, 'the server’s certificate bears other names than the one that was dialled', true],
  [/has no OU=/, 'the server’s certificate is not that of a process of the cluster', true],
  [
    /CERTIFICATE_REQUIRED|HANDSHAKE_FAILURE/,
    'the server asks for a certificate: give --tls-cert and --tls-key',
    true,
  ],
  [/ALERT_UNKNOWN_CA/, 'the server does not know who has signed our certificate', true],
  [/ALERT_CERTIFICATE_EXPIRED/, 'our certificate has expired', true],
]

const LISTENED: readonly (readonly [pattern: RegExp, advice: string])[] = [
  [
    /WRONG_VERSION_NUMBER|HTTP_REQUEST|PACKET_LENGTH_TOO_LONG|UNSUPPORTED_PROTOCOL/,
    'it does not speak TLS, and this port does: its user has to give --tls-ca',
  ],
  [/DID_NOT_RETURN_A_CERTIFICATE/, 'it has no certificate: its user has to give --tls-cert and --tls-key'],
  [/ALERT_UNKNOWN_CA/, 'it does not know who has signed our certificate'],
  [/ALERT_(BAD_CERTIFICATE|CERTIFICATE_)/, 'it does not accept our certificate'],
]
