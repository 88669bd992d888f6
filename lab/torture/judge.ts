/** Hands what was recorded to the checker, part by part. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { check } from '../checker/check.ts'
import type { HistoryEvent, Operation } from '../checker/operations.ts'
import type { Judgement, Verdict } from '../checker/verdict.ts'
import type { Part, PartModel } from './recorder.ts'

export interface JudgedPart {
  readonly part: Part
  readonly verdict: Verdict
}

export interface ModelSummary {
  readonly model: PartModel
  readonly judgement: Judgement
  readonly parts: number
  readonly operations: number
  readonly unknown: number
  readonly violated: number
}

/** The whole, and those parts that are not plainly linearizable. */
export interface JudgedHistory {
  readonly judgement: Judgement
  readonly models: readonly ModelSummary[]
  readonly doubtful: readonly JudgedPart[]
}

/** Of one part: beyond it the answer is `unknown`. */
const CONFIGURATIONS_MAX = 5_000_000
const PART_SECONDS_MAX = 20

/** Pairs calls with their answers; what failed is left out, what has no answer stays open. */
export function toOperations(events: readonly HistoryEvent[]): Operation[] {
  const operations = new Map<number, Operation>()
  for (const event of events) {
    if (event.type === 'invoke') {
      const { op: id, process, input, time: call } = event
      operations.set(id, { id, process, input, output: null, call, return: Number.POSITIVE_INFINITY })
      continue
    }
    const open = operations.get(event.op)
    if (open === undefined) throw new Error(`operation ${event.op} ended without a call`)
    if (event.type === 'fail') operations.delete(event.op)
    if (event.type === 'ok') operations.set(event.op, { ...open, output: event.output, return: event.time })
  }
  return [...operations.values()]
}

export async function judge(
  parts: readonly Part[],
  options: { signal: AbortSignal; progress: (judged: number) => void },
): Promise<JudgedHistory> {
  const judged: JudgedPart[] = []
  for (const part of parts) {
    options.signal.throwIfAborted()
    judged.push({ part, verdict: judgePart(part) })
    options.progress(judged.length)
    await nextTurn()
  }
  const models = [...new Set(parts.map((part) => part.model))]
  return {
    judgement: worst(judged),
    models: models.map((model) =>
      summaryOf(
        model,
        judged.filter(({ part }) => part.model === model),
      ),
    ),
    doubtful: judged.filter(({ verdict }) => verdict.judgement !== 'linearizable'),
  }
}

export function judgePart(part: Part): Verdict {
  const deadline = performance.now() + PART_SECONDS_MAX * 1000
  return check(toOperations(part.events), {
    model: part.model,
    limits: { configurationsMax: CONFIGURATIONS_MAX, expired: () => performance.now() > deadline },
  })
}

function summaryOf(model: PartModel, judged: readonly JudgedPart[]): ModelSummary {
  const count = (judgement: Judgement) =>
    judged.filter(({ verdict }) => verdict.judgement === judgement).length
  return {
    model,
    judgement: worst(judged),
    parts: judged.length,
    operations: judged.reduce((sum, { verdict }) => sum + verdict.operations, 0),
    unknown: count('unknown'),
    violated: count('not-linearizable'),
  }
}

/** One violation outweighs everything, one doubt all that is well. */
function worst(judged: readonly JudgedPart[]): Judgement {
  const judgements = judged.map(({ verdict }) => verdict.judgement)
  if (judgements.includes('not-linearizable')) return 'not-linearizable'
  return judgements.includes('unknown') ? 'unknown' : 'linearizable'
}
