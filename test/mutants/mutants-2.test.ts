import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { MUTANTS } from '../../lab/mutants/mutants.ts'
import { edited } from '../../lab/mutants/mutate.ts'
import { everyOtherIsKilled, project } from './killed.ts'

test('the list fits the sources', () => {
  for (const mutant of MUTANTS) {
    const source = readFileSync(join(project, mutant.file), 'utf8')
    expect(edited(source, mutant), mutant.name).not.toBe(source)
  }
  expect(new Set(MUTANTS.map(({ name }) => name)).size).toBe(MUTANTS.length)
})

everyOtherIsKilled(1)
