/** TLS, for processes that listen and for commands that only dial. Files alone: a key on a command line would be seen by everybody. */
import { readFileSync } from 'node:fs'
import type { TlsOptions } from '../client/transport/tls-options.ts'
import { isMembersCertificate, MEMBER_UNIT } from '../runtime/security/certificates.ts'
import type { TlsFiles } from '../runtime/security/tls.ts'
import { UsageError } from './arguments.ts'

const file = (describe: string) => ({ type: 'string', requiresArg: true, describe }) as const

export const serverTlsOptions = {
  'tls-cert': file(
    'File with the certificate of this process, and what leads to its CA, in PEM: every door and link speaks TLS then. Read again at SIGHUP',
  ),
  'tls-key': file('File with the key of --tls-cert, in PEM'),
  'tls-ca': file('File with the certificate of who signs those of the other processes, in PEM'),
  'tls-mutual': {
    type: 'boolean',
    default: false,
    describe: 'Whoever connects, clients too, must have a certificate that is signed by --tls-ca',
  },
} as const

export const clientTlsOptions = {
  'tls-ca': file('Speak TLS: file with the certificate of who must have signed the servers’, in PEM'),
  'tls-cert': file('With --tls-ca: file with our certificate, for servers that ask for one (--tls-mutual)'),
  'tls-key': file('With --tls-ca: file with the key of --tls-cert'),
} as const

export interface TlsArguments {
  readonly 'tls-cert'?: string | undefined
  readonly 'tls-key'?: string | undefined
  readonly 'tls-ca'?: string | undefined
  readonly 'secret-file'?: string | undefined
}

/** @returns null: in plain. @throws {UsageError} half of it is missing. */
export function tlsFilesOf(args: TlsArguments & { readonly 'tls-mutual': boolean }): TlsFiles | null {
  const { 'tls-cert': cert, 'tls-key': key, 'tls-ca': ca = null, 'tls-mutual': mutual } = args
  checkPair(args)
  if (cert !== undefined && key !== undefined) return { cert, key, ca, mutual }
  if (ca !== null || mutual)
    throw new UsageError(
      '--tls-ca and --tls-mutual need the certificate of this process: --tls-cert and --tls-key',
    )
  return null
}

/** @returns null: in plain. @throws {UsageError} half of it is missing, or a file cannot be read. */
export function tlsOf(args: TlsArguments): TlsOptions | null {
  const { 'tls-cert': cert, 'tls-key': key, 'tls-ca': ca } = args
  checkPair(args)
  if (ca === undefined) {
    if (cert === undefined) return null
    throw new UsageError('--tls-cert and --tls-key need --tls-ca, which is what turns TLS on')
  }
  const own =
    cert === undefined || key === undefined
      ? null
      : { cert: read('--tls-cert', cert), key: read('--tls-key', key) }
  // Where certificates stand in for a secret, an operator speaks with processes of the cluster alone.
  const isOperators = own !== null && args['secret-file'] === undefined && isMembers('--tls-cert', own.cert)
  return { ca: read('--tls-ca', ca), ...own, ...(isOperators && { unit: MEMBER_UNIT }) }
}

function checkPair({ 'tls-cert': cert, 'tls-key': key }: TlsArguments): void {
  if ((cert === undefined) !== (key === undefined))
    throw new UsageError('--tls-cert and --tls-key belong together: give both, or neither')
}

function isMembers(option: string, pem: string): boolean {
  try {
    return isMembersCertificate(pem)
  } catch (error) {
    throw new UsageError(`${option} holds no certificate: ${(error as Error).message}`)
  }
}

function read(option: string, path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new UsageError(`${option} ${path} cannot be read: ${(error as Error).message}`)
  }
}
