import { check } from '../../checker/check.ts'
import type { Operation } from '../../checker/operations.ts'
import type { Verdict } from '../../checker/verdict.ts'
import type { StageFrame } from './frame.ts'

/** What clients on a stage called and were told, as the checker reads it: the number of the frame is the time. */
export function operationsOf(frames: readonly StageFrame[]): readonly Operation[] {
  return (frames.at(-1)?.operations ?? []).map(({ client, input, output, from, to }, id) => ({
    id,
    process: client,
    input,
    output,
    call: from,
    return: to ?? Number.POSITIVE_INFINITY,
  }))
}

/** Null where no client did anything. */
export function judgeStage(frames: readonly StageFrame[]): Verdict | null {
  const operations = operationsOf(frames)
  return operations.length === 0 ? null : check(operations, { model: 'key-value' })
}
