/** Values of messages, entries and znodes as short texts. */
import type { Entry } from '../../../protocol/entry.ts'

const LENGTH_MAX = 60
const decoder = new TextDecoder()

export const bytesText = (bytes: Uint8Array | null): string | null =>
  bytes === null ? null : shortened(decoder.decode(bytes.subarray(0, 4 * LENGTH_MAX)))

export const shortened = (text: string, max = LENGTH_MAX): string =>
  text.length <= max ? text : `${text.slice(0, max - 1)}…`

export function entryText({ writes, sessions }: Entry): string {
  const words = writes.map(({ key, value }) =>
    value === null ? `delete ${key}` : `${key}=${bytesText(value)}`,
  )
  if (sessions?.opens === true) words.push('open session')
  if ((sessions?.lapses?.length ?? 0) > 0) words.push('sessions lapse')
  return shortened(words.length === 0 ? 'nothing' : words.join(', '))
}

/** Anything, in a line. */
export function valueText(value: unknown): string {
  if (value === null || value === undefined) return 'none'
  if (value instanceof Uint8Array) return bytesText(value) ?? ''
  if (typeof value === 'bigint') return value.toString(16)
  if (Array.isArray(value))
    return value.length === 0 ? 'none' : shortened(value.map(valueText).join(', '), 200)
  if (typeof value !== 'object') return shortened(String(value))
  return shortened(
    Object.entries(value)
      .map(([name, inner]) => `${name} ${valueText(inner)}`)
      .join(', '),
    200,
  )
}
