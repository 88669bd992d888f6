import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { fnvHash64, type Hash64, remainder, toDecimal } from '../../lab/workload/fnv-hash.ts'
import { keyName } from '../../lab/workload/key-names.ts'

function hashOf(value: number): Hash64 {
  const hash = { high: 0, low: 0 }
  fnvHash64(value, hash)
  return hash
}

const asBigInt = ({ high, low }: Hash64) => (BigInt(high) << 32n) | BigInt(low)

/** The definition, slowly. */
function slowHash(value: bigint): bigint {
  let hash = 0xcbf29ce484222325n
  for (let i = 0n; i < 8n; i++)
    hash = BigInt.asUintN(64, (hash ^ ((value >> (8n * i)) & 0xffn)) * 1099511628211n)
  const signed = BigInt.asIntN(64, hash)
  return signed < 0n ? -signed : signed
}

describe('FNV-1a of a number', () => {
  test('the keys of YCSB’s first records', () => {
    // As every YCSB run with hashed insert order names them.
    expect(keyName(0)).toBe('user6284781860667377211')
    expect(keyName(1)).toBe('user8517097267634966620')
    expect(keyName(2)).toBe('user1820151046732198393')
  })

  test('is the definition for any number', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (value) => {
        expect(asBigInt(hashOf(value))).toBe(slowHash(BigInt(value)))
        expect(toDecimal(hashOf(value))).toBe(slowHash(BigInt(value)).toString())
      }),
    )
  })

  test('remainders are exact', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), fc.integer({ min: 1, max: 2 ** 37 }), (value, count) => {
        expect(remainder(hashOf(value), count)).toBe(Number(slowHash(BigInt(value)) % BigInt(count)))
      }),
    )
  })
})
