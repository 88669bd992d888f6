/** Each rule of the protocols that is left out must be noticed: a simulator that finds nothing proves nothing. */

import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, test } from 'vitest'
import { hunt } from '../../lab/mutants/hunt.ts'
import { MUTANTS } from '../../lab/mutants/mutants.ts'
import { edited, Workshop } from '../../lab/mutants/mutate.ts'
import { KNOWN_KILLS } from './known-kills.ts'

const project = join(dirname(fileURLToPath(import.meta.url)), '..', '..')

test('the list fits the sources', () => {
  for (const mutant of MUTANTS) {
    const source = readFileSync(join(project, mutant.file), 'utf8')
    expect(edited(source, mutant), mutant.name).not.toBe(source)
  }
  expect(new Set(MUTANTS.map(({ name }) => name)).size).toBe(MUTANTS.length)
})

describe('the simulator kills', () => {
  const workshop = new Workshop(project)
  afterAll(() => workshop.close())

  test.each(MUTANTS.map((mutant) => [mutant.name, mutant] as const))('%s', async (_, mutant) => {
    const cli = workshop.build(mutant)
    const known = KNOWN_KILLS[mutant.name]
    const first = known === undefined ? null : await hunt(cli, { ...mutant, from: known, seeds: 1 })
    const kill = first ?? (await hunt(cli, mutant))
    expect(kill, `${mutant.rule}: nobody noticed in ${mutant.seeds} seeds`).not.toBeNull()
  })
})
