import type { Operation, OperationType } from '../load/target.ts'
import type { WorkloadSpec } from '../load/task.ts'
import { type DrawKey, drawKeys } from './key-chooser.ts'
import { keyName } from './key-names.ts'
import type { Dice } from './zipfian.ts'

/** In turn, so that a store that notices equal values gains nothing. */
const VALUES = 8
/** Operations on records beyond so many are made anew each time: ten million would take gigabytes. */
const KEPT_MAX = 1_000_000
const TYPES = ['read', 'update', 'insert', 'scan', 'read-modify-write'] as const satisfies OperationType[]
const ROUNDING = 1e-9

type KeptType = 'read' | 'update' | 'read-modify-write'

/**
 * The operations of a workload, one after another. Same workload and dice, same operations. What is drawn again is the same object: a load generator
 * that makes nothing has nothing to collect.
 *
 * @example
 * const stream = new OperationStream(ycsb('A', { recordCount: 1000 }), new Rng(1))
 * target.submit(stream.next(), done)
 */
export class OperationStream {
  readonly #workload: WorkloadSpec
  readonly #dice: Dice
  readonly #draw: DrawKey
  readonly #values: readonly Uint8Array[]
  readonly #types: readonly OperationType[]
  /** Where each type ends on the way from 0 to 1. */
  readonly #bounds: readonly number[]
  readonly #kept: Readonly<Record<KeptType, (Operation | null)[]>>
  readonly #insertStep: number
  #nextInsert: number
  #recordCount: number

  /**
   * @param options - where several streams run at once, each inserts records of its own: number `first`, and then each `step`-th. Default: all.
   * @throws {RangeError} the shares do not add up to 1, or there is no record.
   */
  constructor(workload: WorkloadSpec, dice: Dice, options = { first: 0, step: 1 }) {
    const { recordCount, shares } = workload
    this.#workload = workload
    this.#dice = dice
    this.#types = TYPES.filter((type) => (shares[type] ?? 0) > 0)
    let sum = 0
    this.#bounds = this.#types.map((type) => {
      sum += shares[type] ?? 0
      return sum
    })
    if (Math.abs(sum - 1) > ROUNDING)
      throw new RangeError(`${workload.name}: the shares add up to ${sum}, not to 1`)
    this.#recordCount = recordCount
    this.#nextInsert = recordCount + options.first
    this.#insertStep = options.step
    // YCSB allows for twice the inserts that are to be expected, and its own files have as many operations as records.
    const insertsExpected = Math.ceil(2 * (shares.insert ?? 0) * recordCount)
    this.#draw = drawKeys(workload.keys, { recordCount, insertsExpected })
    this.#values = Array.from({ length: VALUES }, () => randomValue(workload.valueBytes, dice))
    const room = () => new Array<Operation | null>(Math.min(recordCount, KEPT_MAX)).fill(null)
    const kept = (type: KeptType) => ((shares[type] ?? 0) > 0 ? room() : [])
    this.#kept = {
      read: kept('read'),
      update: kept('update'),
      'read-modify-write': kept('read-modify-write'),
    }
  }

  next(): Operation {
    const type = this.#types.length === 1 ? this.#types[0] : this.#drawType()
    switch (type) {
      case 'read':
      case 'update':
      case 'read-modify-write':
        return this.#onRecord(type, this.#draw(this.#dice, this.#recordCount))
      case 'insert': {
        const record = this.#nextInsert
        this.#nextInsert += this.#insertStep
        return this.insertOf(record)
      }
      case 'scan': {
        const key = keyName(this.#draw(this.#dice, this.#recordCount))
        const limit = 1 + Math.floor(this.#dice.fraction() * this.#workload.scanLengthMax)
        return { type, key, limit }
      }
      case undefined:
        throw new RangeError(`${this.#workload.name}: no operation has a share`)
    }
  }

  /** What brings a record into the store, before a run too. */
  insertOf(record: number): Operation {
    return { type: 'insert', key: keyName(record), value: this.#value(record) }
  }

  /** An insert of this stream was acknowledged: one record more may be drawn from now on. */
  inserted(): void {
    this.#recordCount += this.#insertStep
  }

  #drawType(): OperationType | undefined {
    const fraction = this.#dice.fraction()
    const found = this.#bounds.findIndex((bound) => fraction < bound)
    return this.#types[found < 0 ? this.#types.length - 1 : found]
  }

  #onRecord(type: KeptType, record: number): Operation {
    const kept = this.#kept[type]
    const before = kept[record]
    if (before !== undefined && before !== null) return before
    const key = keyName(record)
    const operation: Operation = type === 'read' ? { type, key } : { type, key, value: this.#value(record) }
    if (record < kept.length) kept[record] = operation
    return operation
  }

  #value(record: number): Uint8Array {
    return this.#values[record % VALUES] as Uint8Array
  }
}

function randomValue(bytes: number, dice: Dice): Uint8Array {
  const value = new Uint8Array(bytes)
  for (let i = 0; i < bytes; i++) value[i] = Math.floor(dice.fraction() * 256)
  return value
}
