/** Identities of the `digest` scheme: `user:` and, in base64, the SHA-1 of `user:password` (as ZooKeeper makes them, without salt). */
import { toBase64 } from '../base64.ts'

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/**
 * The id that an ACL names for a user and a password.
 *
 * @example digestIdOf('u:p') // 'u:Jq7wMyA/w2Vd5WIDAKdu4OIIFEQ='
 */
export function digestIdOf(userAndPassword: string | Uint8Array): string {
  const bytes = typeof userAndPassword === 'string' ? encoder.encode(userAndPassword) : userAndPassword
  const [user = ''] = decoder.decode(bytes).split(':')
  return `${user}:${toBase64(sha1(bytes))}`
}

const rotated = (word: number, bits: number): number => (word << bits) | (word >>> (32 - bits))

/** FIPS 180-4. In the core's own words, because the core knows no `node:crypto`. */
function sha1(message: Uint8Array): Uint8Array {
  const padded = new Uint8Array((message.length + 8 + 64) & ~63)
  padded.set(message)
  padded[message.length] = 0x80
  const view = new DataView(padded.buffer)
  view.setUint32(padded.length - 8, Math.floor(message.length / 0x2000_0000))
  view.setUint32(padded.length - 4, message.length << 3)
  const hash = Int32Array.of(0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0)
  for (let at = 0; at < padded.length; at += 64) mixBlock(hash, view, at)
  const digest = new DataView(new ArrayBuffer(20))
  for (const [i, word] of hash.entries()) digest.setInt32(i * 4, word)
  return new Uint8Array(digest.buffer)
}

function mixBlock(hash: Int32Array, view: DataView, at: number): void {
  const words = new Int32Array(80)
  for (let i = 0; i < 16; i += 1) words[i] = view.getInt32(at + i * 4)
  const word = (i: number) => words[i] ?? 0
  for (let i = 16; i < 80; i += 1)
    words[i] = rotated(word(i - 3) ^ word(i - 8) ^ word(i - 14) ^ word(i - 16), 1)
  let [a = 0, b = 0, c = 0, d = 0, e = 0] = hash
  for (let i = 0; i < 80; i += 1) {
    const next = (rotated(a, 5) + roundOf(i, b, c, d) + e + word(i)) | 0
    e = d
    d = c
    c = rotated(b, 30)
    b = a
    a = next
  }
  for (const [i, value] of [a, b, c, d, e].entries()) hash[i] = (hash[i] ?? 0) + value
}

function roundOf(i: number, b: number, c: number, d: number): number {
  if (i < 20) return ((b & c) | (~b & d)) + 0x5a827999
  if (i < 40) return (b ^ c ^ d) + 0x6ed9eba1
  if (i < 60) return ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc
  return (b ^ c ^ d) + 0xca62c1d6
}
