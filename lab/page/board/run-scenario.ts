import { Board } from './board.ts'
import { missed, parseScenario } from './scenario-text.ts'
import { isWrong } from './validate.ts'

export interface ScenarioResult {
  /** Null where the text is no scenario. */
  readonly board: Board | null
  /** What was expected and not seen, or why the text is no scenario. Empty: all is as it was. */
  readonly failures: readonly string[]
}

/**
 * Runs what `Board.toScenario` wrote, or a person.
 *
 * @example
 * const { failures } = await runScenario(await readFile('stale-read.txt', 'utf8'))
 */
export async function runScenario(text: string): Promise<ScenarioResult> {
  const scenario = parseScenario(text)
  if (isWrong(scenario)) return { board: null, failures: [scenario.error] }
  const { options, actions, untilMs, expected } = scenario
  const board = await Board.open(options, actions, { untilMs })
  return { board, failures: missed(expected, { verdict: board.verdict, hash: board.hash }) }
}
