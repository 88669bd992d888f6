/** Keys and values are bytes; people and JSON want text. */
import { isUtf8 } from 'node:buffer'

const bufferOf = ({ buffer, byteOffset, byteLength }: Uint8Array) =>
  Buffer.from(buffer, byteOffset, byteLength)

/** The bytes read as UTF-8; null where they are no such. */
export const textOf = (bytes: Uint8Array): string | null =>
  isUtf8(bytes) ? bufferOf(bytes).toString('utf8') : null

/** `{ [name]: text }`, or `{ [name]Base64: ... }` for what is not UTF-8. */
export function jsonBytes(name: string, bytes: Uint8Array): Record<string, string> {
  const text = textOf(bytes)
  return text === null ? { [`${name}Base64`]: bufferOf(bytes).toString('base64') } : { [name]: text }
}

const NAMED: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t', '\\': '\\\\' }
const hex = (code: number) => `\\x${code.toString(16).padStart(2, '0')}`
const escaped = (char: string) => NAMED[char] ?? hex(char.charCodeAt(0))

/**
 * For reading: text as it is, other bytes escaped. Control characters are escaped in any case: what somebody stored must not steer the
 * terminal of whoever looks at it.
 */
export function showText(bytes: Uint8Array): string {
  const text = textOf(bytes)
  return text === null ? showBinary(bytes) : text.replace(/[\0-\x08\x0b-\x1f\x7f-\x9f]/g, escaped)
}

/** As `showText`, in one line: for tables and lists. */
export function showLine(bytes: Uint8Array): string {
  const text = textOf(bytes)
  return text === null ? showBinary(bytes) : text.replace(/[\0-\x1f\x7f-\x9f]/g, escaped)
}

const showBinary = (bytes: Uint8Array): string =>
  bufferOf(bytes)
    .toString('latin1')
    .replace(/[^\x20-\x5b\x5d-\x7e]/g, escaped)

const SHOWN = 60

/** A name in a message: quoted, and not too long. */
export function quoted(bytes: Uint8Array | string): string {
  const line = showLine(typeof bytes === 'string' ? Buffer.from(bytes) : bytes)
  return `"${line.length > SHOWN ? `${line.slice(0, SHOWN)}...` : line}"`
}
