import { factsOf } from '../explain/facts.ts'
import { IMPOSSIBLE, Interned, type Machine } from '../machine.ts'
import type { Operation, RegisterInput, RegisterOutput } from '../operations.ts'
import type { Model } from './model.ts'

type Value = number | string | null

/** One value: read, write, compare-and-set. */
export const registerModel: Model = {
  partition: (operations) => [{ name: 'all', operations }],
  machine: (operations, initial) =>
    new RegisterMachine(operations as readonly Operation<RegisterInput, RegisterOutput>[], initial),
}

class RegisterMachine implements Machine {
  readonly start: number
  readonly #operations: readonly Operation<RegisterInput, RegisterOutput>[]
  readonly #reads: readonly boolean[]
  readonly #values = new Interned<Value>()

  constructor(operations: readonly Operation<RegisterInput, RegisterOutput>[], initial: string | null) {
    this.#operations = operations
    this.#reads = operations.map((operation) => factsOf(operation).isRead)
    this.start = this.#idOf(initial)
  }

  step(state: number, index: number): number {
    const operation = this.#operations[index]
    if (operation === undefined) return IMPOSSIBLE
    const { input, output } = operation
    const now = this.#values.at(state)
    switch (input.f) {
      case 'read':
        return output === null || ('value' in output && output.value === now) ? state : IMPOSSIBLE
      case 'write':
        return this.#idOf(input.value)
      case 'cas': {
        const matches = input.expect === now
        if (output !== null && 'matched' in output && output.matched !== matches) return IMPOSSIBLE
        return matches ? this.#idOf(input.value) : state
      }
    }
  }

  isRead(index: number): boolean {
    return this.#reads[index] === true
  }

  mayNotice(next: number): boolean {
    return this.#operations[next]?.input.f !== 'write'
  }

  after(): number {
    return -1
  }

  describe(state: number): string {
    const value = this.#values.at(state)
    return value === null ? 'nothing written' : `value ${JSON.stringify(value)}`
  }

  #idOf(value: Value): number {
    return this.#values.idOf(value, JSON.stringify(value))
  }
}
