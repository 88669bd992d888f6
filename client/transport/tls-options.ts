/** What a dialler has to know for TLS. All in PEM. */
export interface TlsOptions {
  /** Who must have signed the other's certificate. Default: those that Node.js trusts. */
  readonly ca?: string | Uint8Array
  /** Our own certificate, for servers that ask for one; with `key`. */
  readonly cert?: string | Uint8Array
  readonly key?: string | Uint8Array
  /** The name that the server's certificate must have. Default: the host that is dialled. */
  readonly servername?: string
  /** What the server's certificate must have as OU besides: `member`, where users have certificates of the same CA. Default: anything. */
  readonly unit?: string
}

/** A function is asked at every dial: certificates are replaced while a process runs. */
export type TlsSource = TlsOptions | (() => TlsOptions)
