import type { Operation } from '../../lab/checker/operations.ts'

type Draft<Input, Output> = Omit<Operation<Input, Output>, 'id'>

/** `op('a', 1, 4, input, output)`; without an output it stays open. */
export function op<Input, Output>(
  who: string,
  call: number,
  end: number,
  input: Input,
  output: Output | null = null,
): Draft<Input, Output> {
  return { process: who, call, return: output === null ? Number.POSITIVE_INFINITY : end, input, output }
}

export function historyOf(drafts: readonly Draft<unknown, unknown>[]): readonly Operation[] {
  return drafts.map((draft, id) => ({ id, ...draft }))
}
