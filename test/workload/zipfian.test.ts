import { describe, expect, test } from 'vitest'
import { Rng } from '../../lab/simulator/kernel/rng.ts'
import { SCRAMBLED_ITEMS, SCRAMBLED_ZETA, ScrambledZipfian } from '../../lab/workload/scrambled-zipfian.ts'
import { Zipfian, zeta } from '../../lab/workload/zipfian.ts'

const DRAWS = 200_000

function shares(count: number, next: () => number): number[] {
  const found = new Array<number>(count).fill(0)
  for (let i = 0; i < DRAWS; i++) {
    const item = next()
    found[item] = (found[item] ?? 0) + 1 / DRAWS
  }
  return found
}

describe('zeta', () => {
  test('small sums are exact', () => {
    expect(zeta(1, 0.99)).toBe(1)
    expect(zeta(2, 0.99)).toBeCloseTo(1 + 0.5 ** 0.99, 14)
    expect(zeta(3, 2)).toBeCloseTo(1 + 1 / 4 + 1 / 9, 14)
  })

  test('the formula goes on where the terms end', () => {
    let sum = 0
    for (let i = 1; i <= 2_000_000; i++) sum += 1 / i ** 0.99
    expect(zeta(2_000_000, 0.99)).toBeCloseTo(sum, 8)
    expect(zeta(300_000, 0.99) + zeta(2_000_000, 0.99, 300_000)).toBeCloseTo(sum, 8)
  })

  test('YCSB’s constant of ten billion items', () => {
    // YCSB added ten billion terms up, each with its rounding.
    expect(zeta(SCRAMBLED_ITEMS, 0.99)).toBeCloseTo(SCRAMBLED_ZETA, 6)
  })
})

describe('zipfian', () => {
  test('frequencies follow 1 / rank^0.99', () => {
    const rng = new Rng(7)
    const zipfian = new Zipfian(1000)
    const found = shares(1000, () => zipfian.next(rng))
    const all = zeta(1000, 0.99)
    // The first two are exact, but for chance; Gray's approximation of the others is known to be off by some percent.
    expect(found[0]).toBeCloseTo(1 / all, 2)
    expect(found[1]).toBeCloseTo(0.5 ** 0.99 / all, 2)
    const tenth = found.slice(0, 10).reduce((sum, share) => sum + share, 0)
    const hundredth = found.slice(0, 100).reduce((sum, share) => sum + share, 0)
    expect(tenth).toBeCloseTo(zeta(10, 0.99) / all, 1)
    expect(hundredth).toBeCloseTo(zeta(100, 0.99) / all, 1)
    for (let i = 2; i < 20; i++)
      expect((found[i] ?? 0) * all * (i + 1) ** 0.99, `item ${i}`).toSatisfy(
        (r: number) => r > 0.6 && r < 1.5,
      )
  })

  test('stays within its items, however few', () => {
    for (const count of [1, 2, 3, 10]) {
      const rng = new Rng(count)
      const zipfian = new Zipfian(count)
      const found = shares(count, () => zipfian.next(rng))
      expect(found.length).toBe(count)
      expect(found.every((share) => share > 0)).toBe(true)
    }
  })

  test('grown is as made', () => {
    const [grown, made] = [new Zipfian(10), new Zipfian(5000)]
    for (const count of [11, 500, 4999, 5000]) grown.grow(count)
    expect(grown.zeta).toBeCloseTo(made.zeta, 10)
    const [a, b] = [new Rng(3), new Rng(3)]
    for (let i = 0; i < 100; i++) expect(grown.next(a)).toBe(made.next(b))
  })

  test('a draw of one item is no number of tricks: refuses what cannot be', () => {
    expect(() => new Zipfian(0)).toThrow('at least 1')
    expect(() => new Zipfian(10, { constant: 1 })).toThrow('not 1')
  })
})

describe('scrambled zipfian', () => {
  test('the popular records are those that the hash tells, as often as ten billion items say', () => {
    const rng = new Rng(11)
    const scrambled = new ScrambledZipfian(1000)
    const found = shares(1000, () => scrambled.next(rng))
    // Item 0 has 1/26.47 of all draws, item 1 about half of that, wherever they lie; the rest is spread evenly over all records.
    const first = Number(6284781860667377211n % 1000n)
    const second = Number(8517097267634966620n % 1000n)
    expect(found.indexOf(Math.max(...found))).toBe(first)
    expect(found[first]).toBeCloseTo(1 / SCRAMBLED_ZETA, 2)
    expect(found[second]).toBeCloseTo(0.5 ** 0.99 / SCRAMBLED_ZETA, 2)
    expect(Math.min(...found)).toBeGreaterThan(0)
  })

  test('another constant has another zeta', () => {
    const rng = new Rng(2)
    const scrambled = new ScrambledZipfian(100, 0.5)
    const found = shares(100, () => scrambled.next(rng))
    expect(Math.max(...found)).toBeLessThan(0.02)
  })
})
