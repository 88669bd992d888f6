import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { runScenario } from '../../lab/page/board/run-scenario.ts'

/** What the page exports can be put here, as it is; without its hash and its counts of events it outlives a change of the code. */
const FOLDER = new URL('./scenarios/', import.meta.url)

for (const file of readdirSync(FOLDER).sort())
  test(file, async () => {
    const { failures } = await runScenario(readFileSync(new URL(file, FOLDER), 'utf8'))
    expect(failures).toEqual([])
  })
