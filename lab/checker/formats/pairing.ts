import type { HistoryEvent, Operation } from '../operations.ts'
import { HistoryError } from './history.ts'

type Invocation = Pick<Operation, 'id' | 'process' | 'input' | 'call'>

export type Answer =
  | { readonly type: 'ok'; readonly output: unknown }
  | { readonly type: Extract<HistoryEvent['type'], 'fail' | 'info'> }

/** Brings calls and answers together. Calls without an answer, and those with `info`, stay open; those with `fail` are left out. */
export class Pairing {
  readonly #open = new Map<string | number, { invocation: Invocation; line: number }>()
  readonly #answered = new Map<string | number, number>()
  readonly #operations: Operation[] = []
  readonly #field: string

  /** @param field - what a call and its answer have in common, for messages: `op` or `process`. */
  constructor(field: string) {
    this.#field = field
  }

  get count(): number {
    return this.#operations.length + this.#open.size
  }

  /** @param isUnique - an `op` is used once, a process many times. */
  invoke(line: number, key: string | number, invocation: Invocation, isUnique: boolean): void {
    const where = { line, field: this.#field }
    const open = this.#open.get(key)
    if (open !== undefined && isUnique)
      throw new HistoryError(where, `${key} was invoked before, in line ${open.line}`)
    if (open !== undefined)
      throw new HistoryError(where, `${key} calls again, but the call of line ${open.line} has no answer yet`)
    if (isUnique && this.#answered.has(key))
      throw new HistoryError(
        where,
        `${key} is used a second time; it was answered in line ${this.#answered.get(key)}`,
      )
    this.#open.set(key, { invocation, line })
  }

  /** The call that this answers: its format says what fits as an answer. */
  invocationOf(line: number, key: string | number): Invocation {
    const open = this.#open.get(key)
    if (open !== undefined) return open.invocation
    const answered = this.#answered.get(key)
    const what = answered === undefined ? 'no invoke' : `no open invoke; its answer was in line ${answered}`
    throw new HistoryError({ line, field: this.#field }, `an answer to ${key}, which has ${what}`)
  }

  answer(line: number, key: string | number, time: number, answer: Answer): void {
    const invocation = this.invocationOf(line, key)
    if (time < invocation.call)
      throw new HistoryError({ line, field: 'time' }, `${time} is before its invoke at ${invocation.call}`)
    this.#open.delete(key)
    this.#answered.set(key, line)
    if (answer.type === 'ok') this.#operations.push({ ...invocation, output: answer.output, return: time })
    if (answer.type === 'info') this.#operations.push(openOperation(invocation))
  }

  /** In the order of their calls. */
  operations(): readonly Operation[] {
    const open = [...this.#open.values()].map(({ invocation }) => openOperation(invocation))
    return [...this.#operations, ...open].sort((a, b) => a.call - b.call || a.id - b.id)
  }
}

const openOperation = (invocation: Invocation): Operation => ({
  ...invocation,
  output: null,
  return: Number.POSITIVE_INFINITY,
})
