/** Labs 1 to 3: many runs, the small ones first, so that what fails fails in few steps. */
import { check } from '../checker/check.ts'
import { renderPage } from '../checker/page/render.ts'
import type { Verdict } from '../checker/verdict.ts'
import { type CreateReplica, Failure, type Grade } from './contract.ts'
import { World } from './world.ts'

const OPERATIONS = [1, 2, 3, 4, 6, 8, 12]
const SEEDS = 80
const CONFIGURATIONS_MAX = 200_000

interface Found {
  readonly failure: Failure
  readonly steps: readonly string[]
  readonly verdict: Verdict | null
  readonly seed: number
}

/** @returns the grade; the same code gets the same one. */
export function gradeChain(create: CreateReplica, lab: 1 | 2 | 3): Grade {
  let runs = 0
  for (const operations of OPERATIONS) {
    let shortest: Found | null = null
    for (let seed = 1; seed <= SEEDS; seed++) {
      runs++
      const found = runOnce(create, { lab, operations, seed })
      if (found !== null && found.steps.length < (shortest?.steps.length ?? Number.POSITIVE_INFINITY))
        shortest = found
    }
    if (shortest !== null) return gradeOf(lab, runs, shortest)
  }
  return { passed: true, lab, runs }
}

function runOnce(
  create: CreateReplica,
  options: { readonly lab: 1 | 2 | 3; readonly operations: number; readonly seed: number },
): Found | null {
  let world: World | null = null
  let found: Failure | null = null
  try {
    world = new World(create, options)
    world.run()
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    found = error
  }
  const steps = world?.steps ?? []
  const { seed } = options
  // What clients saw is the better reason, where it is wrong, too.
  const verdict = world === null ? null : judge(world)
  if (verdict?.judgement === 'not-linearizable') {
    const reason =
      verdict.parts.find((part) => part.reason !== null)?.reason ?? 'no order explains the answers'
    return { failure: new Failure('linearizability', reason), steps: stepsOf(world, verdict), verdict, seed }
  }
  return found === null ? null : { failure: found, steps, verdict: null, seed }
}

/** Up to the last answer that matters. */
function stepsOf(world: World | null, { parts }: Verdict): readonly string[] {
  const ids = new Set(parts.flatMap(({ smallest }) => smallest ?? []).map(({ id }) => id))
  const matters = world?.clients.requests.filter(({ id }) => ids.has(id)) ?? []
  return world?.steps.slice(0, Math.max(0, ...matters.map(({ lastStep }) => lastStep))) ?? []
}

const judge = (world: World): Verdict =>
  check(world.clients.history(), { model: 'key-value', limits: { configurationsMax: CONFIGURATIONS_MAX } })

function gradeOf(lab: 1 | 2 | 3, runs: number, { failure, steps, verdict, seed }: Found): Grade {
  const html =
    verdict === null
      ? null
      : renderPage(verdict, {
          title: 'What the clients saw',
          source: `lab ${lab}, seed ${seed}`,
          timeUnit: 'event',
        })
  return { passed: false, lab, runs, property: failure.property, detail: failure.message, steps, html }
}
