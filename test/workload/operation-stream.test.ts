import { describe, expect, test } from 'vitest'
import type { Operation } from '../../lab/load/target.ts'
import type { WorkloadSpec } from '../../lab/load/task.ts'
import { Rng } from '../../lab/simulator/kernel/rng.ts'
import { keyName } from '../../lab/workload/key-names.ts'
import { OperationStream } from '../../lab/workload/operation-stream.ts'
import { YCSB, type YcsbLetter, ycsb } from '../../lab/workload/ycsb.ts'

const DRAWS = 20_000
const spec = (change: Partial<WorkloadSpec>): WorkloadSpec => ({
  ...ycsb('C', { recordCount: 100, valueBytes: 10 }),
  ...change,
})

function draw(workload: WorkloadSpec, count = DRAWS, seed = 5): Operation[] {
  const stream = new OperationStream(workload, new Rng(seed))
  return Array.from({ length: count }, () => {
    const operation = stream.next()
    if (operation.type === 'insert') stream.inserted()
    return operation
  })
}

describe('the operations of a workload', () => {
  test('each YCSB workload has its shares', () => {
    for (const letter of Object.keys(YCSB) as YcsbLetter[]) {
      const operations = draw(ycsb(letter, { recordCount: 1000, valueBytes: 10 }))
      for (const [type, share] of Object.entries(YCSB[letter].shares))
        expect(
          operations.filter((operation) => operation.type === type).length / DRAWS,
          `${letter} ${type}`,
        ).toBeCloseTo(share, 1.5)
    }
  })

  test('a record is one value of 1,000 bytes by default, incompressible', () => {
    const [first] = draw(ycsb('A', { recordCount: 10 })).filter(({ type }) => type === 'update')
    if (first?.type !== 'update') throw new Error('no update')
    expect(first.value.length).toBe(1000)
    expect(new Set(first.value).size).toBeGreaterThan(200)
  })

  test('the same seed draws the same operations, another one others', () => {
    const workload = ycsb('E', { recordCount: 1000, valueBytes: 1 })
    expect(draw(workload, 100, 1)).toEqual(draw(workload, 100, 1))
    expect(draw(workload, 100, 1)).not.toEqual(draw(workload, 100, 2))
  })

  test('scan lengths are uniform from 1 to 100', () => {
    const scans = draw(ycsb('E', { recordCount: 100, valueBytes: 1 })).flatMap((operation) =>
      operation.type === 'scan' ? [operation.limit] : [],
    )
    expect(Math.min(...scans)).toBe(1)
    expect(Math.max(...scans)).toBe(100)
    expect(scans.reduce((sum, limit) => sum + limit, 0) / scans.length).toBeCloseTo(50.5, -0.5)
  })

  test('inserts are new records, one after another; the newest are read most', () => {
    const operations = draw(ycsb('D', { recordCount: 1000, valueBytes: 1 }))
    const inserts = operations.filter(({ type }) => type === 'insert').map(({ key }) => key)
    expect(inserts.slice(0, 3)).toEqual([keyName(1000), keyName(1001), keyName(1002)])
    expect(new Set(inserts).size).toBe(inserts.length)
    const newest = new Set(inserts)
    const late = operations.slice(-1000).filter(({ type }) => type === 'read')
    expect(late.filter(({ key }) => newest.has(key)).length / late.length).toBeGreaterThan(0.5)
  })

  test('a zipfian draw finds only records that are there', () => {
    const stream = new OperationStream(
      spec({ shares: { scan: 0.5, insert: 0.5 }, scanLengthMax: 5 }),
      new Rng(1),
    )
    const there = new Set(Array.from({ length: 100 }, (_, i) => keyName(i)))
    for (let i = 0; i < 5000; i++) {
      const operation = stream.next()
      if (operation.type === 'insert') {
        there.add(operation.key)
        stream.inserted()
      } else expect(there.has(operation.key)).toBe(true)
    }
  })

  test('hot keys are the only ones', () => {
    const keys = new Set(draw(spec({ keys: { type: 'hot', keys: 3 } })).map(({ key }) => key))
    expect(keys.size).toBe(3)
  })

  test('uniform draws find every record', () => {
    expect(new Set(draw(spec({ keys: { type: 'uniform' } })).map(({ key }) => key)).size).toBe(100)
  })

  test('streams that run side by side insert different records', () => {
    const workload = spec({ shares: { insert: 1 } })
    const streams = [0, 1, 2].map((first) => new OperationStream(workload, new Rng(1), { first, step: 3 }))
    const keys = streams.flatMap((stream) => Array.from({ length: 50 }, () => stream.next().key))
    expect(new Set(keys)).toEqual(new Set(Array.from({ length: 150 }, (_, i) => keyName(100 + i))))
  })

  test('what is drawn again is the same object', () => {
    const reads = draw(spec({ recordCount: 1 }), 2)
    expect(reads[0]).toBe(reads[1])
  })

  test('shares that do not add up are refused', () => {
    expect(() => draw(spec({ shares: { read: 0.5 } }))).toThrow('add up to 0.5')
  })
})
