import type { KeyChooser } from '../load/task.ts'
import { ScrambledZipfian } from './scrambled-zipfian.ts'
import { type Dice, Zipfian } from './zipfian.ts'

/** Draws the number of a record that is there. `recordCount`: how many are there now. */
export type DrawKey = (dice: Dice, recordCount: number) => number

const below = (dice: Dice, count: number) => Math.floor(dice.fraction() * count)

/**
 * The draw of a workload. Numbers are those of insertion: 0 is the first record.
 *
 * @param options.recordCount - at the beginning.
 * @param options.insertsExpected - zipfian draws go over the records that will be there, and again where one is not there yet, so that inserts do not change
 * which keys are popular (as YCSB does).
 */
export function drawKeys(
  chooser: KeyChooser,
  options: { recordCount: number; insertsExpected: number },
): DrawKey {
  const { recordCount, insertsExpected } = options
  if (recordCount < 1) throw new RangeError('a workload needs at least one record')
  switch (chooser.type) {
    case 'uniform':
      return below
    case 'zipfian': {
      // YCSB's bounds are inclusive: there is one more than there are records.
      const scrambled = new ScrambledZipfian(recordCount + insertsExpected + 1, chooser.constant)
      return (dice, count) => {
        let key = scrambled.next(dice)
        while (key >= count) key = scrambled.next(dice)
        return key
      }
    }
    case 'latest': {
      const zipfian = new Zipfian(recordCount, { constant: chooser.constant })
      return (dice, count) => {
        zipfian.grow(count)
        return count - 1 - zipfian.next(dice)
      }
    }
    case 'hot': {
      const keys = Math.min(chooser.keys, recordCount)
      if (keys < 1) throw new RangeError('hot keys: at least one is needed')
      return (dice) => below(dice, keys)
    }
  }
}
