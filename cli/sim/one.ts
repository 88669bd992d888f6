import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { HistoryEvent, HistoryHeader, ModelName } from '../../lab/checker/operations.ts'
import { renderPage } from '../../lab/checker/page/render.ts'
import { describeAction, type FaultPlan } from '../../lab/simulator/faults/plan.ts'
import { planToJson } from '../../lab/simulator/faults/plan-json.ts'
import { shrink } from '../../lab/simulator/faults/shrink.ts'
import type { SimulationResult } from '../../lab/simulator/result.ts'
import { type SimulationOptions, simulate } from '../../lab/simulator/simulate.ts'
import { note, say, sayJson } from '../output.ts'
import { codeVersion } from './commit.ts'
import { repeatCommand } from './repeat.ts'

export interface SimChoice {
  readonly options: Omit<SimulationOptions, 'seed' | 'trace'>
  readonly trace: boolean
  readonly shrink: boolean
  readonly goOn: boolean
  readonly workers: number
  readonly out: string | null
  readonly json: boolean
}

export async function simulateOne(seed: number, choice: SimChoice): Promise<void> {
  const began = performance.now()
  const reader = (atUs: number, who: string, what: string) =>
    say(`${(atUs / 1e6).toFixed(6)} ${who.padEnd(14)} ${what}`)
  let result = await simulate({ ...choice.options, seed, ...(choice.trace ? { trace: reader } : {}) })
  if (result.failure !== null && choice.shrink) result = await fewestFaults(result, choice)
  const seconds = (performance.now() - began) / 1000
  if (result.failure !== null) process.exitCode = 1
  if (choice.out !== null && result.failure !== null) writeFailure(choice.out, result)
  if (choice.json)
    return sayJson({ ...result, history: undefined, znodeHistory: undefined, commit: codeVersion() })
  if (choice.trace) say('')
  describe(result, seconds)
  if (result.failure === null) return
  say('')
  say(`commit: ${codeVersion()}`)
  say(`again:  ${repeatCommand(seed, choice.options)}`)
  if (choice.out !== null) say(`more:   ${choice.out}`)
}

function describe(result: SimulationResult, seconds: number): void {
  const { operations, znodeOperations, failure } = result
  const counts = ({ ok, failed, unknown }: typeof operations) =>
    `${ok} done, ${failed} refused, ${unknown} with an unknown outcome`
  say(`seed ${result.seed}: ${failure === null ? 'all is well' : 'FAILED'}`)
  say(
    `  ${result.virtualSeconds.toFixed(1)} virtual seconds in ${seconds.toFixed(2)} s, ${result.events} events, trace ${result.traceHash}`,
  )
  say(`  clients of the store: ${counts(operations)}`)
  say(`  clients of the coordinators: ${counts(znodeOperations)}`)
  if (result.undecided > 0) say(`  not decided by the checker: ${result.undecided} keys`)
  say(`  faults: ${result.faultsDone}`)
  for (const action of result.plan.actions)
    say(`    ${(action.atMs / 1000).toFixed(3)} s: ${describeAction(action)}`)
  if (failure === null) return
  say(`\n${failure.kind}: ${failure.what}`)
  if (failure.details !== '') say(failure.details)
}

/** Drops faults while it still fails in the same way. */
async function fewestFaults(result: SimulationResult, choice: SimChoice): Promise<SimulationResult> {
  const kind = result.failure?.kind
  let fewest = result
  let tries = 0
  await shrink(result.plan, async (plan: FaultPlan) => {
    tries++
    note(`shrinking: ${tries} tries, ${fewest.plan.actions.length} faults left`)
    const again = await simulate({ ...choice.options, seed: result.seed, plan })
    const fails = again.failure?.kind === kind
    if (fails && again.plan.actions.length <= fewest.plan.actions.length) fewest = again
    return fails
  })
  return fewest
}

function writeFailure(folder: string, result: SimulationResult): void {
  mkdirSync(folder, { recursive: true })
  const { failure, history, znodeHistory, plan, seed } = result
  const write = (file: string, text: string) => writeFileSync(join(folder, file), text)
  write('history.ndjson', historyFile('transactions', seed, history))
  write('znodes.ndjson', historyFile('znodes', seed, znodeHistory))
  write('plan.json', planToJson(plan))
  if (failure?.verdict)
    write('history.html', renderPage(failure.verdict, { title: `Seed ${seed}`, timeUnit: 'µs' }))
}

function historyFile(model: ModelName, seed: number, events: readonly HistoryEvent[]): string {
  const header: HistoryHeader = { format: 'catenary-history', version: 1, model, about: { seed } }
  return [header, ...events].map((line) => `${JSON.stringify(line)}\n`).join('')
}
