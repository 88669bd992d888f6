/** Certificates for tests, made by openssl: a CA of this file's own, and whom it signs. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface Certificate {
  readonly cert: string
  readonly key: string
}

const CURVE = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
const NAMES = 'subjectAltName=IP:127.0.0.1,DNS:localhost'

export class CertificateAuthority {
  readonly directory = mkdtempSync(join(tmpdir(), 'catenary-ca-'))
  /** Paths. */
  readonly cert = join(this.directory, 'ca.pem')
  readonly #key = join(this.directory, 'ca.key')

  constructor() {
    openssl([
      'req',
      '-x509',
      ...CURVE,
      '-keyout',
      this.#key,
      '-out',
      this.cert,
      '-days',
      '2',
      '-subj',
      '/CN=ca',
    ])
  }

  get pem(): string {
    return readFileSync(this.cert, 'utf8')
  }

  /** @param subject - such as `/OU=member/CN=n1`. @returns paths. @param options.days - below zero: it has expired. */
  sign(subject: string, { days = 2, names = NAMES }: { days?: number; names?: string } = {}): Certificate {
    const base = join(this.directory, subject.replace(/[^a-z0-9]/gi, '-') + days)
    const [cert, key, request, extensions] = [`${base}.pem`, `${base}.key`, `${base}.csr`, `${base}.ext`]
    writeFileSync(extensions, names)
    openssl(['req', ...CURVE, '-keyout', key, '-out', request, '-subj', subject])
    const signer = ['-CA', this.cert, '-CAkey', this.#key, '-CAcreateserial', '-extfile', extensions]
    openssl(['x509', '-req', '-in', request, ...signer, '-days', String(days), '-out', cert])
    return { cert, key }
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true })
  }
}

function openssl(args: readonly string[]): void {
  execFileSync('openssl', args, { stdio: 'pipe' })
}

export const pemOf = ({ cert, key }: Certificate) => ({
  cert: readFileSync(cert, 'utf8'),
  key: readFileSync(key, 'utf8'),
})
