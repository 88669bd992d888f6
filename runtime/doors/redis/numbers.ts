/** Numbers in Redis's spelling. */

import { NOT_INTEGER, ReplyError } from './reply-error.ts'
import type { Args } from './request-reader.ts'

const INTEGER = /^(0|-?[1-9]\d{0,18})$/
const INT64_MIN = -(2n ** 63n)
const INT64_MAX = 2n ** 63n - 1n

/** A 64-bit integer, spelled as Redis would print it; null: none. */
export function toInt64(text: string): bigint | null {
  if (!INTEGER.test(text)) return null
  const number = BigInt(text)
  return isInt64(number) ? number : null
}

export const isInt64 = (number: bigint) => number >= INT64_MIN && number <= INT64_MAX

/** @throws {ReplyError} it is none. */
export function int64(args: Args, index: number): bigint {
  const number = toInt64(args.text(index))
  if (number === null) throw new ReplyError(NOT_INTEGER)
  return number
}

/** A 64-bit integer as a number: beyond 2^53 it is not exact, and is only good for comparing it with smaller ones. */
export const integer = (args: Args, index: number): number => Number(int64(args, index))

const FLOAT = /^[+-]?(\d+\.?\d*([eE][+-]?\d+)?|\.\d+([eE][+-]?\d+)?|inf(inity)?|0[xX][0-9a-fA-F]+)$/i

/** NaN: none. */
export function toFloat(text: string): number {
  if (!FLOAT.test(text)) return Number.NaN
  const infinite = /^([+-]?)inf/i.exec(text)
  if (infinite !== null) return infinite[1] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY
  return Number(text)
}

/**
 * Adds decimals as people write them. Redis counts with 80 bits and prints 17 digits; this counts exactly, so that 0.1 + 0.2 is 0.3 in both.
 * Where a number has an exponent, or more digits than Redis knows, doubles have to do.
 */
export function addDecimals(a: string, b: string): string | null {
  const [left, right] = [exact(a), exact(b)]
  if (left === null || right === null) {
    const sum = toFloat(a) + toFloat(b)
    return Number.isFinite(sum) ? plain(sum) : null
  }
  const digits = Math.max(left.decimals, right.decimals)
  const sum =
    left.units * 10n ** BigInt(digits - left.decimals) + right.units * 10n ** BigInt(digits - right.decimals)
  return trimmed(sum, digits)
}

function exact(text: string): { units: bigint; decimals: number } | null {
  const match = /^([+-]?)(\d{0,20})\.?(\d{0,17})$/.exec(text)
  const [, sign, whole = '', rest = ''] = match ?? []
  if (match === null || whole + rest === '') return null
  const units = BigInt(whole + rest)
  return { units: sign === '-' ? -units : units, decimals: rest.length }
}

function trimmed(units: bigint, decimals: number): string {
  const digits = (units < 0n ? -units : units).toString().padStart(decimals + 1, '0')
  const whole = digits.slice(0, digits.length - decimals)
  const rest = digits.slice(digits.length - decimals).replace(/0+$/, '')
  return `${units < 0n ? '-' : ''}${whole}${rest === '' ? '' : `.${rest}`}`
}

/** Without an exponent. */
function plain(number: number): string {
  const text = String(number)
  if (!/e/.test(text)) return text
  if (Math.abs(number) >= 1e21) return BigInt(number).toString()
  return number.toFixed(17).replace(/\.?0+$/, '')
}

export const latin1 = (text: string): Uint8Array => Uint8Array.from(text, (c) => c.charCodeAt(0))
export const textOf = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1', 0, bytes.length)
