import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, test } from 'vitest'
import { hunt } from '../../lab/mutants/hunt.ts'
import { MUTANTS } from '../../lab/mutants/mutants.ts'
import { Workshop } from '../../lab/mutants/mutate.ts'
import { KNOWN_KILLS } from './known-kills.ts'

export const project = join(dirname(fileURLToPath(import.meta.url)), '..', '..')

/** Each rule of the protocols that is left out must be noticed: a simulator that finds nothing proves nothing. Every other mutant, from this one. */
export function everyOtherIsKilled(from: 0 | 1): void {
  describe('the simulator kills', () => {
    const workshop = new Workshop(project)
    afterAll(() => workshop.close())

    const chosen = MUTANTS.filter((_, index) => index % 2 === from)
    test.each(chosen.map((mutant) => [mutant.name, mutant] as const))('%s', async (_, mutant) => {
      const cli = workshop.build(mutant)
      const known = KNOWN_KILLS[mutant.name]
      const first = known === undefined ? null : await hunt(cli, { ...mutant, from: known, seeds: 1 })
      const kill = first ?? (await hunt(cli, mutant))
      expect(kill, `${mutant.rule}: nobody noticed in ${mutant.seeds} seeds`).not.toBeNull()
    })
  })
}
