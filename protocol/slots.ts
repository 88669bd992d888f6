import keyHashSlot from 'cluster-key-slot'
import type { Key } from './ids.ts'

/** As many as Redis Cluster has, computed in the same way: CRC16 of the key, or of what stands in its first `{tag}`. */
export const SLOT_COUNT = 16_384

/** Inclusive range of slots. */
export type SlotRange = readonly [first: number, last: number]

const ASCII = /^[\0-\x7f]*$/

/**
 * The slot of a key. Keys that share a non-empty `{tag}` share a slot, and so a chain.
 *
 * @example
 * slotOf(asKey('{user:42}.name')) === slotOf(asKey('{user:42}.mail'))
 */
export function slotOf(key: Key): number {
  const open = key.indexOf('{')
  // The library goes on looking for a tag behind an empty one, Redis does not: `a{}{b}` has no tag.
  if (open >= 0 && key[open + 1] === '}') return crc16(key) % SLOT_COUNT
  // The library reads text as UTF-8; a key is one byte a character, which differs above 0x7f.
  if (ASCII.test(key)) return keyHashSlot(key)
  return keyHashSlot(Uint8Array.from(key, (c) => c.charCodeAt(0)) as Parameters<typeof keyHashSlot>[0])
}

/** CRC16 XMODEM, bit by bit: only for the rare keys that the library reads otherwise than Redis. */
function crc16(key: Key): number {
  let crc = 0
  for (let i = 0; i < key.length; i++) {
    crc ^= key.charCodeAt(i) << 8
    for (let bit = 0; bit < 8; bit++) crc = (crc & 0x8000) === 0 ? crc << 1 : (crc << 1) ^ 0x1021
    crc &= 0xffff
  }
  return crc
}

/** Cuts all slots into `count` ranges of nearly equal size. */
export function evenSlotRanges(count: number): SlotRange[] {
  return Array.from({ length: count }, (_, i) => [
    Math.floor((i * SLOT_COUNT) / count),
    Math.floor(((i + 1) * SLOT_COUNT) / count) - 1,
  ])
}

export const rangesHave = (ranges: readonly SlotRange[], slot: number) =>
  ranges.some(([first, last]) => slot >= first && slot <= last)
