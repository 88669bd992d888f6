/**
 * The certificates of a process: loaded and checked when it starts, and again on SIGHUP. What is broken then is left aside: the process goes on with what it has, and
 * says so.
 */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { TLSSocket, Server as TlsServer, TlsOptions as TlsServerOptions } from 'node:tls'
import { contextOf } from '../../client/transport/dial-socket.ts'
import { handshakeText } from '../../client/transport/tls-mistakes.ts'
import type { TlsOptions } from '../../client/transport/tls-options.ts'
import { closedLines } from '../closed-lines.ts'
import type { Log } from '../log.ts'
import { isMembersCertificate, MEMBER_UNIT } from './certificates.ts'

/** Paths. */
export interface TlsFiles {
  readonly cert: string
  readonly key: string
  /** Who signs the others' certificates. Null: those that Node.js trusts. */
  readonly ca: string | null
  /** Whether everybody who dials must have a certificate. */
  readonly mutual: boolean
}

/** A handshake that has not ended by then is cut off. */
const HANDSHAKE_TIMEOUT_MS = 5000
const DAY_MS = 86_400_000
const WARN_DAYS = 14

/** Does not show itself: neither in a log nor in JSON. */
export class NodeTls {
  readonly mutual: boolean
  readonly #files: TlsFiles
  readonly #log: Log
  readonly #servers = new Set<TlsServer>()
  readonly #daily: NodeJS.Timeout
  #reliesOnUnit = false
  #pem: TlsOptions

  /**
   * Loads the files. Nothing is read again before `reload`.
   *
   * @throws with what to do: one cannot be read, the key belongs to another certificate, or it has expired.
   */
  constructor(files: TlsFiles, log: Log) {
    this.mutual = files.mutual
    this.#files = files
    this.#log = log
    this.#pem = this.#load()
    this.#warnOfExpiry()
    this.#daily = setInterval(() => this.#warnOfExpiry(), DAY_MS).unref()
  }

  /** As the constructor, and then again at every SIGHUP. Null: this process speaks no TLS. */
  static of(files: TlsFiles | null, log: Log): NodeTls | null {
    if (files === null) return null
    const tls = new NodeTls(files, log)
    process.on('SIGHUP', tls.#onHangup)
    return tls
  }

  readonly #onHangup = () => this.reload()

  /**
   * From now on processes of the cluster know each other by OU=member: whom this one dials must have it, too.
   *
   * @throws it has none itself.
   */
  relyOnUnit(): void {
    this.#reliesOnUnit = true
    this.#pem = this.#load()
  }

  #load(): TlsOptions {
    const pem = load(this.#files)
    if (!this.#reliesOnUnit) return pem
    if (isMembersCertificate(pem.cert ?? '')) return { ...pem, unit: MEMBER_UNIT }
    throw new Error(
      `--tls-cert ${this.#files.cert}: without --secret-file its subject must have OU=${MEMBER_UNIT}, by which processes of the cluster know each other`,
    )
  }

  /** How this process dials: asked at each dial. */
  readonly dial = (): TlsOptions => this.#pem

  /** For a listener, which then has to be shown to `tend`. */
  serverOptions(): TlsServerOptions {
    return {
      ...this.#contextOptions(),
      handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
      requestCert: this.mutual,
      rejectUnauthorized: this.mutual,
    }
  }

  /** It gets newer certificates, for connections from then on, and the log says whose handshakes have failed. */
  tend(server: TlsServer): void {
    this.#servers.add(server)
    const refused = closedLines(this.#log, 'connection closed: no TLS')
    server.on('tlsClientError', (error: Error & { code?: string }, socket: TLSSocket) => {
      refused(`${socket.remoteAddress}:${socket.remotePort}`, handshakeText(error, socket.authorizationError))
      socket.destroy()
    })
  }

  /** It listens no more. */
  leave(server: TlsServer): void {
    this.#servers.delete(server)
  }

  /** Reads the files again. Connections that are there stay as they are. */
  reload(): void {
    const { cert } = this.#files
    try {
      this.#pem = this.#load()
      for (const server of this.#servers) server.setSecureContext(this.#contextOptions())
      this.#log.info({ cert, until: this.#validTo }, 'certificates loaded again')
      this.#warnOfExpiry()
    } catch (error) {
      const { message: reason } = error as Error
      this.#log.error({ reason }, 'certificates not loaded again: going on with those from before')
    }
  }

  close(): void {
    clearInterval(this.#daily)
    process.off('SIGHUP', this.#onHangup)
    this.#servers.clear()
  }

  toJSON(): string {
    return '[tls]'
  }

  #contextOptions() {
    const { ca, cert, key } = this.#pem
    return {
      minVersion: 'TLSv1.2' as const,
      ...{ cert: bufferOf(cert), key: bufferOf(key) },
      ...(this.mutual && ca !== undefined && { ca: bufferOf(ca) }),
    }
  }

  get #validTo(): string {
    return new X509Certificate(this.#pem.cert ?? '').validTo
  }

  #warnOfExpiry(): void {
    const days = Math.floor((Date.parse(this.#validTo) - Date.now()) / DAY_MS)
    if (days >= WARN_DAYS) return
    const { cert } = this.#files
    this.#log.warn(
      { cert, until: this.#validTo, days },
      'the certificate expires soon: replace it, then SIGHUP',
    )
  }
}

const bufferOf = (pem: string | Uint8Array | undefined): Buffer => Buffer.from(pem ?? '')

/** @throws with the file and what is wrong with it; never with what is in it. */
function load({ cert, key, ca, mutual }: TlsFiles): TlsOptions {
  if (mutual && ca === null)
    throw new Error('--tls-mutual: name by --tls-ca who signs the certificates of others')
  const pem: TlsOptions = {
    cert: read('--tls-cert', cert),
    key: read('--tls-key', key),
    ...(ca !== null && { ca: read('--tls-ca', ca) }),
  }
  const certificate = parsed('--tls-cert', cert, () => new X509Certificate(pem.cert ?? ''))
  const privateKey = parsed('--tls-key', key, () => createPrivateKey(bufferOf(pem.key)))
  if (ca !== null) parsed('--tls-ca', ca, () => new X509Certificate(pem.ca ?? ''))
  if (!certificate.checkPrivateKey(privateKey))
    throw new Error(
      `--tls-key ${key} does not belong to --tls-cert ${cert}: give the key that it was made with`,
    )
  if (Date.parse(certificate.validTo) < Date.now())
    throw new Error(`--tls-cert ${cert} has expired on ${certificate.validTo}: get a new one`)
  parsed('--tls-cert', cert, () => contextOf(pem))
  return pem
}

function read(option: string, path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new Error(`${option} ${path} cannot be read: ${(error as Error).message}`, { cause: error })
  }
}

function parsed<Result>(option: string, path: string, parse: () => Result): Result {
  try {
    return parse()
  } catch (error) {
    throw new Error(`${option} ${path} is no PEM of what it should be: ${(error as Error).message}`)
  }
}
