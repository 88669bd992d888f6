/** The secret that all processes of a cluster share. It is never sent: what is shown to others comes from it, one thing for each purpose, and does not lead back. */
import { createHmac } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { inspect } from 'node:util'

const BYTES_MIN = 16
const BYTES_MAX = 4096
/** Read or write, for the group or for all others. */
const OPEN_TO_OTHERS = 0o066
const SHOWN = '[secret]'

/** Does not show itself: neither in a log nor in JSON. */
export class ClusterSecret {
  /** What members prove to each other, on native and peer links. */
  readonly linkKey: Uint8Array
  /** By which names that nobody has get salts: the same at every server, so that two of them do not give away who exists. */
  readonly strangersKey: Uint8Array
  /** Of the digest user `catenary` at the coordinators. */
  readonly coordinatorPassword: string
  /** Of the user `member` at http doors. Whoever hears it on the way may read what these show, and can do nothing else by it. */
  readonly httpPassword: string

  constructor(secret: Uint8Array) {
    const derived = (label: string) => createHmac('sha256', secret).update(label).digest()
    this.linkKey = derived('link')
    this.strangersKey = derived('strangers')
    this.coordinatorPassword = derived('coordinator').toString('base64url')
    this.httpPassword = derived('http').toString('base64url')
  }

  [inspect.custom](): string {
    return SHOWN
  }

  toJSON(): string {
    return SHOWN
  }
}

/**
 * Reads `--secret-file`. What surrounds the secret, a line's end for one, is no part of it.
 *
 * @throws with what to do: it is not there, too short, or others of this machine may read it.
 *
 * @example
 * const secret = readSecretFile('cluster.secret')
 */
export function readSecretFile(path: string): ClusterSecret {
  const { mode, text } = read(path)
  if ((mode & OPEN_TO_OTHERS) !== 0)
    throw new Error(`--secret-file ${path}: others of this machine may read it: chmod 600 ${path}`)
  const secret = Buffer.from(text.trim(), 'utf8')
  if (secret.length < BYTES_MIN)
    throw new Error(
      `--secret-file ${path}: ${secret.length} bytes are too few to be a secret, ${BYTES_MIN} the least; \`catenary secret\` prints one`,
    )
  if (secret.length > BYTES_MAX)
    throw new Error(`--secret-file ${path}: more than ${BYTES_MAX} bytes: is it that file?`)
  return new ClusterSecret(secret)
}

function read(path: string): { readonly mode: number; readonly text: string } {
  try {
    return { mode: statSync(path).mode, text: readFileSync(path, 'utf8') }
  } catch (error) {
    throw new Error(`--secret-file ${path} cannot be read: ${(error as Error).message}`, { cause: error })
  }
}
