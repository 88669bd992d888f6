/** `/catenary/users/<name>`: what a user may do, and by what his password is recognised. Read with care: an operator may have written it by hand. */
import { type Grant, grantFromText, MEMBER, textOfGrant } from '../../protocol/access.ts'
import { KEY_BYTES_MAX } from '../../protocol/limits.ts'
import { ITERATIONS_MAX, ITERATIONS_MIN, type ScramRecord } from '../../protocol/scram.ts'

export interface UserZnode {
  readonly grants: readonly Grant[]
  /** What the password leaves behind (RFC 5802 §3): good for recognising it, and not for saying it. */
  readonly record: ScramRecord
}

export const GRANTS_MAX = 64
const SALT_BYTES_MIN = 8
const SALT_BYTES_MAX = 64
const KEY_BYTES = 32

const NAME = /^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$/

/** Why nobody can be called so; null: somebody can. */
export function problemOfName(name: string): string | null {
  if (name === MEMBER.name) return `${name} is what the servers of the cluster are called`
  return NAME.test(name)
    ? null
    : 'a name has 1 to 64 letters, digits, dots, dashes, underscores or @, and begins with a letter or a digit'
}

/** @returns null where it holds no user. */
export function userFromJson(json: string): UserZnode | null {
  const data = parse(json)
  if (data === null || !Array.isArray(data['grants']) || data['grants'].length > GRANTS_MAX) return null
  const grants: Grant[] = []
  for (const text of data['grants'] as unknown[]) {
    // A grant that cannot be read is no reason to guess at the others.
    const grant = typeof text === 'string' && text.length <= KEY_BYTES_MAX ? grantFromText(text) : null
    if (grant === null) return null
    grants.push(grant)
  }
  const { iterations } = data
  if (typeof iterations !== 'number' || !Number.isSafeInteger(iterations)) return null
  if (iterations < ITERATIONS_MIN || iterations > ITERATIONS_MAX) return null
  const salt = bytesOf(data['salt'])
  const storedKey = bytesOf(data['storedKey'])
  const serverKey = bytesOf(data['serverKey'])
  if (salt === null || salt.length < SALT_BYTES_MIN || salt.length > SALT_BYTES_MAX) return null
  if (storedKey?.length !== KEY_BYTES || serverKey?.length !== KEY_BYTES) return null
  return { grants, record: { salt, iterations, storedKey, serverKey } }
}

export function userToJson({ grants, record }: UserZnode): string {
  const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64')
  return JSON.stringify({
    grants: grants.map(textOfGrant),
    salt: base64(record.salt),
    iterations: record.iterations,
    storedKey: base64(record.storedKey),
    serverKey: base64(record.serverKey),
  })
}

function parse(json: string): Readonly<Record<string, unknown>> | null {
  try {
    const data: unknown = JSON.parse(json)
    return typeof data === 'object' && data !== null ? (data as Record<string, unknown>) : null
  } catch {
    return null
  }
}

const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/

const bytesOf = (value: unknown): Uint8Array | null =>
  typeof value === 'string' && value.length < 200 && BASE64.test(value) ? Buffer.from(value, 'base64') : null
