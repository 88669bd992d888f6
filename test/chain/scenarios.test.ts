import { expect, test } from 'vitest'
import { printScenario, scenarioFiles } from '../support/scenario-file.ts'
import { ScenarioWorld } from '../support/scenario-world.ts'

// REWRITE=1 npx vitest run test/chain/scenarios.test.ts writes down what the cores do now: read the difference as you would code.
for (const file of scenarioFiles('test/scenarios')) {
  test(file.title, () => {
    const world = new ScenarioWorld()
    const actual = printScenario(
      file.blocks.map((block) => ({
        ...block,
        output: block.commands
          .map((command) => world.run(command))
          .filter((output) => output !== '')
          .join('\n'),
      })),
    )
    if (process.env['REWRITE'] === '1') file.write(actual)
    else expect(actual).toBe(file.text)
  })
}
