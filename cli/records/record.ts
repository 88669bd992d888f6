/**
 * One item as `import` reads it and `export` writes it: `{"key": "a", "value": "b"}`; bytes that are not UTF-8 as `keyBase64` and
 * `valueBase64`; `expiresAt`, an ISO 8601 moment, where the key expires.
 */
import { isUtf8 } from 'node:buffer'
import type { ScanItem } from '../../client/index.ts'
import { KEY_BYTES_MAX, VALUE_BYTES_MAX } from '../../protocol/limits.ts'
import { jsonBytes } from '../bytes.ts'

export interface ImportRecord {
  readonly key: Buffer
  readonly value: Buffer
  readonly expiresAt: Date | null
}

/** The largest value with each of its bytes as `\u00xx`, and some room for the rest. */
export const RECORD_BYTES_MAX = 6 * (KEY_BYTES_MAX + VALUE_BYTES_MAX) + 1024

/** A record, or a sentence on what is wrong with it. */
export function parseRecord(bytes: Buffer): ImportRecord | string {
  if (!isUtf8(bytes)) return 'not UTF-8; give such keys and values as keyBase64 and valueBase64'
  const data = parseObject(bytes.toString('utf8'))
  if (typeof data === 'string') return data
  const unknown = Object.keys(data).find((name) => !NAMES.has(name))
  if (unknown !== undefined) return `"${unknown}" means nothing here; fields are ${[...NAMES].join(', ')}`
  const key = bytesOf(data, 'key', KEY_BYTES_MAX)
  if (typeof key === 'string') return key
  if (key.length === 0) return 'the key is empty'
  const value = bytesOf(data, 'value', VALUE_BYTES_MAX)
  if (typeof value === 'string') return value
  const expiresAt = expiryOf(data['expiresAt'])
  return typeof expiresAt === 'string' ? expiresAt : { key, value, expiresAt }
}

/** What `get --json` and `scan --json` print may be imported, too. */
const NAMES = new Set(['key', 'keyBase64', 'value', 'valueBase64', 'expiresAt', 'version', 'committed'])

function parseObject(text: string): Record<string, unknown> | string {
  try {
    const data: unknown = JSON.parse(text)
    if (typeof data === 'object' && data !== null && !Array.isArray(data))
      return data as Record<string, unknown>
    return 'not a JSON object such as {"key": "a", "value": "b"}'
  } catch (error) {
    return `not JSON: ${(error as Error).message}`
  }
}

function bytesOf(data: Record<string, unknown>, name: 'key' | 'value', bytesMax: number): Buffer | string {
  const text = data[name]
  const base64 = data[`${name}Base64`]
  if (text !== undefined && base64 !== undefined) return `has both "${name}" and "${name}Base64"`
  if (text === undefined && base64 === undefined) return `has neither "${name}" nor "${name}Base64"`
  const given = text === undefined ? base64 : text
  if (typeof given !== 'string') {
    return `"${text === undefined ? `${name}Base64` : name}" must be a string, not ${kindOf(given)}`
  }
  const bytes = text === undefined ? fromBase64(given) : Buffer.from(given, 'utf8')
  if (bytes === null) return `"${name}Base64" is not base64`
  if (bytes.length > bytesMax) return `the ${name} has ${bytes.length} bytes; the limit is ${bytesMax}`
  return bytes
}

const kindOf = (value: unknown) =>
  value === null ? 'null' : Array.isArray(value) ? 'an array' : `a ${typeof value}`

/** Node's decoder skips what is no base64, so that a damaged value would be stored. */
function fromBase64(text: string): Buffer | null {
  return /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(text)
    ? Buffer.from(text, 'base64')
    : null
}

function expiryOf(moment: unknown): Date | null | string {
  if (moment === undefined || moment === null) return null
  const date = new Date(typeof moment === 'string' ? moment : Number.NaN)
  return date.getTime() > 0 ? date : '"expiresAt" is no moment such as "2030-01-31T12:00:00Z"'
}

export function recordLine(item: ScanItem): string {
  const { keyBytes, value, expiresAt } = item
  return JSON.stringify({
    ...jsonBytes('key', keyBytes),
    ...jsonBytes('value', value),
    ...(expiresAt === null ? {} : { expiresAt: expiresAt.toISOString() }),
  })
}
