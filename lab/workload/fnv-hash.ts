/**
 * FNV-1a with 64 bits over the eight bytes of a whole number, least significant first, without its sign: what YCSB scatters keys with. In halves of 32 bits, because
 * it is computed for each operation and a BigInt would cost more than the operation.
 */
export interface Hash64 {
  high: number
  low: number
}

const OFFSET_HIGH = 0xcbf29ce4
const OFFSET_LOW = 0x84222325
/** The prime is 2^40 + this. */
const PRIME_REST = 0x1b3
const TWO_32 = 0x1_0000_0000

/** @param value - a whole number from 0 to 2^53 - 1. @param into - takes the result, 0 to 2^63. */
export function fnvHash64(value: number, into: Hash64): void {
  let high = OFFSET_HIGH
  let low = OFFSET_LOW
  let [rest, above] = [value % TWO_32, Math.floor(value / TWO_32)]
  for (let i = 0; i < 8; i++) {
    if (i === 4) [rest, above] = [above, 0]
    low = (low ^ (rest & 0xff)) >>> 0
    rest >>>= 8
    // (high, low) * (2^40 + rest of the prime), modulo 2^64: no product is above 2^53.
    const product = low * PRIME_REST
    high = (high * PRIME_REST + Math.floor(product / TWO_32) + low * 256) % TWO_32
    low = product % TWO_32
  }
  if (high >= TWO_32 / 2) {
    low = (~low + 1) >>> 0
    high = (~high + (low === 0 ? 1 : 0)) >>> 0
  }
  into.high = high
  into.low = low
}

/** The hash modulo a count of at most 2^37. */
export function remainder({ high, low }: Hash64, count: number): number {
  const first = high % count
  const second = (first * 0x10000 + (low >>> 16)) % count
  return (second * 0x10000 + (low & 0xffff)) % count
}

export const toDecimal = ({ high, low }: Hash64): string =>
  high === 0 ? String(low) : String((BigInt(high) << 32n) | BigInt(low))
