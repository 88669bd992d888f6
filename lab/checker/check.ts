import { planOf } from './event-list.ts'
import { reasonOf } from './explain/reason.ts'
import { shrink } from './explain/shrink.ts'
import { Budget, type CheckLimits } from './limits.ts'
import { keyValueModel } from './models/key-value.ts'
import type { Model, Part } from './models/model.ts'
import { registerModel } from './models/register.ts'
import type { ModelName, Operation } from './operations.ts'
import { search } from './search.ts'
import type { Judgement, PartVerdict, Verdict } from './verdict.ts'
import { checkZnodes } from './znodes/check-znodes.ts'

export interface CheckOptions {
  readonly model: ModelName
  /** Judge keys one by one where they are independent. Default: true. Without it the answer is the same and takes longer. */
  readonly partition?: boolean
  /** What a register, or each key, holds before the first operation. Default: null, nothing. */
  readonly initial?: string | null
  readonly limits?: CheckLimits
}

const MODELS: Readonly<Record<Exclude<ModelName, 'znodes'>, Model>> = {
  register: registerModel,
  'key-value': keyValueModel,
  transactions: keyValueModel,
}

/**
 * Judges a history: is there an order of its operations that agrees with real time and with the model?
 *
 * Open operations (`return` is Infinity) may take effect at any time after their call, or never. Operations that are known to have failed must not
 * be in the history.
 *
 * @returns `unknown` where a limit ended the search before it knew.
 *
 * @example
 * const { judgement } = check(operations, { model: 'key-value', limits: { configurationsMax: 1_000_000 } })
 */
export function check(operations: readonly Operation[], options: CheckOptions): Verdict {
  const { model: name, partition = true, initial = null, limits = {} } = options
  const budget = new Budget(limits)
  const verdicts =
    name === 'znodes'
      ? checkZnodes(operations, partition, budget)
      : checkParts(MODELS[name], operations, { partition, initial, budget })
  return { judgement: overall(verdicts), model: name, operations: operations.length, parts: verdicts }
}

function checkParts(
  model: Model,
  operations: readonly Operation[],
  how: { readonly partition: boolean; readonly initial: string | null; readonly budget: Budget },
): readonly PartVerdict[] {
  const parts = how.partition ? model.partition(operations) : [{ name: 'all', operations }]
  return parts.map((part) => checkPart(model, part, how.initial, how.budget))
}

function checkPart(model: Model, part: Part, initial: string | null, budget: Budget): PartVerdict {
  const plan = planOf(part.operations)
  const machine = model.machine(plan.operations, initial)
  const found = search(plan, machine, budget, part.name)
  const explained = found.outcome === 'not-linearizable' ? explain(model, part, initial, budget) : null
  return {
    name: part.name,
    judgement: found.outcome,
    reason: found.limit ?? explained?.reason ?? null,
    operations: part.operations,
    longestPrefix: found.path.map((index) => plan.operations[index]?.id ?? -1),
    stateAfter: machine.describe(found.stateAfter),
    smallest: explained?.smallest ?? null,
    configurationsVisited: found.configurations,
  }
}

/** Effort for one try to make a wrong history smaller. A try that takes more leaves the history as it was. */
const TRY_CONFIGURATIONS_MAX = 20_000
const TRY_CACHE_BYTES_MAX = 64 * 1024 ** 2
/** And for all of them together. */
const SHRINK_CONFIGURATIONS_MAX = 2_000_000

function explain(
  model: Model,
  part: Part,
  initial: string | null,
  budget: Budget,
): { reason: string; smallest: readonly Operation[] } {
  let spent = 0
  const fails = (operations: readonly Operation[]): boolean => {
    if (spent > SHRINK_CONFIGURATIONS_MAX || budget.isOver) return false
    const plan = planOf(operations)
    const configurationsMax = Math.max(TRY_CONFIGURATIONS_MAX, 4 * operations.length)
    const limits = { configurationsMax, cacheBytesMax: TRY_CACHE_BYTES_MAX }
    const found = search(plan, model.machine(plan.operations, initial), new Budget(limits), part.name)
    spent += found.configurations
    return found.outcome === 'not-linearizable'
  }
  // Keys that nothing ties together are judged together only where that was asked for; one of them is enough to explain.
  const culprit = model.partition(part.operations).find(({ operations }) => fails(operations))
  const smallest = shrink(culprit?.operations ?? part.operations, fails)
  return { reason: reasonOf(part.operations, smallest, initial), smallest }
}

function overall(parts: readonly PartVerdict[]): Judgement {
  if (parts.some(({ judgement }) => judgement === 'not-linearizable')) return 'not-linearizable'
  return parts.some(({ judgement }) => judgement === 'unknown') ? 'unknown' : 'linearizable'
}
