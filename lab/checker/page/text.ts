/** Histories hold any bytes. What is shown of them is text, and never markup, script or an invisible mark. */

const HTML: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** For text and for quoted attributes. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (found) => HTML[found] ?? '')
}

/** JSON for the inside of a `<script>`: no `<` in it, so that neither `</script>` nor `<!--` can occur. */
export function scriptJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[<>&\u2028\u2029]/g,
    (found) => `\\u${found.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/**
 * A byte string as a reader wants to see it: UTF-8 where it is that, else bytes. Controls and marks that turn the direction of text are spelled out,
 * and a backslash that would look like such a spelling is doubled.
 */
export function visible(bytes: string): string {
  const text = decoded(bytes)
  const pattern = text === null ? /[\p{C}\x80-\xff]|\\(?=[xun])/gu : /[\p{C}\u2028\u2029]|\\(?=[xun])/gu
  return (text ?? bytes).replace(pattern, (found) => {
    const code = found.codePointAt(0) ?? 0
    if (found === '\\') return '\\\\'
    if (found === '\n') return '\\n'
    return code < 256 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`
  })
}

/** At most `max` characters, with a sign of the cut. A cut never splits a pair of surrogates. */
export function clip(text: string, max: number): string {
  if (text.length <= max) return text
  const points = [...text.slice(0, max + 2)]
  return points.length <= max && text.length <= max + 1 ? text : `${points.slice(0, max - 1).join('')}…`
}

/** A value in a label: bare where it reads as a word, else quoted. */
export function valueText(value: string | number | null, max = 40): string {
  if (value === null) return 'absent'
  if (typeof value === 'number') return String(value)
  const text = clip(visible(beginning(value, max)), max)
  return /^[\p{L}\p{N}_.:/…-]+$/u.test(text) ? text : `“${text}”`
}

/** Enough bytes for more than `max` characters, and no character cut in two. Appended values grow long, and are shown after every step. */
function beginning(bytes: string, max: number): string {
  let end = 4 * max + 4
  if (bytes.length <= end) return bytes
  while (end > 4 * max && /[\x80-\xbf]/.test(bytes[end] ?? '')) end--
  return bytes.slice(0, end)
}

/** Null: bytes that are no text. What has characters beyond a byte has been decoded by somebody before. */
function decoded(bytes: string): string | null {
  if (!/[\x80-\xff]/.test(bytes) || /[^\0-\xff]/.test(bytes)) return bytes
  try {
    const raw = Uint8Array.from(bytes, (char) => char.charCodeAt(0))
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(raw)
  } catch {
    return null
  }
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString('en-US')} ${count === 1 ? one : many}`
}
