/** Bytes as letters that an address may hold; the same in browsers and in Node. */

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

export function toBase64(bytes: Uint8Array): string {
  let text = ''
  for (let i = 0; i < bytes.length; i += 3) {
    const bits = ((bytes[i] ?? 0) << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0)
    const count = Math.min(4, bytes.length - i + 1)
    for (let place = 0; place < count; place++) text += ALPHABET[(bits >> (18 - 6 * place)) & 63]
  }
  return text
}

/** Null where it is not base64url. */
export function fromBase64(text: string): Uint8Array | null {
  const bytes = new Uint8Array(Math.floor((text.length * 3) / 4))
  let [bits, held, length] = [0, 0, 0]
  for (const letter of text) {
    const value = ALPHABET.indexOf(letter)
    if (value < 0) return null
    bits = ((bits << 6) | value) & 0xffff
    held += 6
    if (held < 8) continue
    held -= 8
    bytes[length++] = (bits >> held) & 255
  }
  return bytes.subarray(0, length)
}
