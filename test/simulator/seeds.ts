import { expect, test } from 'vitest'
import { simulate } from '../../lab/simulator/simulate.ts'

/** Runs these seeds, and says of each that fails how to run it again. */
export function seedsAreWell(from: number, to: number): void {
  const BLOCK = 10
  for (let first = from; first <= to; first += BLOCK) {
    const last = Math.min(to, first + BLOCK - 1)
    test(`seeds ${first} to ${last}`, async () => {
      const failures: string[] = []
      for (let seed = first; seed <= last; seed++) {
        const { failure, undecided } = await simulate({ seed })
        if (failure !== null)
          failures.push(`catenary sim --seed ${seed}\n${failure.kind}: ${failure.what}\n${failure.details}`)
        expect(undecided, `histories of seed ${seed} that the checker gave up on`).toBe(0)
      }
      expect(failures.join('\n\n')).toBe('')
    })
  }
}
