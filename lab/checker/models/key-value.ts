import { factsOf } from '../explain/facts.ts'
import { IMPOSSIBLE, Interned, type Machine, StepCache } from '../machine.ts'
import type { KvInput, KvOutput, Operation } from '../operations.ts'
import { type Cell, cellPrint, cellWords } from './cell.ts'
import { keysOf, stepKeyValue } from './key-value-step.ts'
import type { Model, Part } from './model.ts'

type KvOperation = Operation<KvInput, KvOutput>

/** Many keys, with or without versions. Keys that no operation uses together are independent of each other. */
export const keyValueModel: Model = {
  partition: (operations) => partsOf(operations as readonly KvOperation[]),
  machine: (operations, initial) => new KeyValueMachine(operations as readonly KvOperation[], initial),
}

/** Operations that share keys, directly or by way of others, are one part. */
function partsOf(operations: readonly KvOperation[]): readonly Part[] {
  const parents = new Map<string, string>()
  const rootOf = (key: string): string => {
    let root = key
    for (let up = parents.get(root); up !== undefined && up !== root; up = parents.get(root)) root = up
    for (let at = key; at !== root; ) {
      const up = parents.get(at) ?? root
      parents.set(at, root)
      at = up
    }
    return root
  }
  for (const { input } of operations) {
    const [first = '', ...others] = keysOf(input)
    if (!parents.has(first)) parents.set(first, first)
    for (const other of others) {
      if (!parents.has(other)) parents.set(other, other)
      parents.set(rootOf(other), rootOf(first))
    }
  }
  const parts = new Map<string, { keys: Set<string>; operations: KvOperation[] }>()
  for (const operation of operations) {
    const keys = keysOf(operation.input)
    const root = rootOf(keys[0] ?? '')
    const part = parts.get(root) ?? { keys: new Set(), operations: [] }
    parts.set(root, part)
    for (const key of keys) part.keys.add(key)
    part.operations.push(operation)
  }
  return [...parts.values()]
    .map(({ keys, operations: own }) => ({ name: [...keys].sort().join(', '), operations: own }))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
}

/** A state is one cell for each key, in the order of the keys' names. */
class KeyValueMachine implements Machine {
  readonly start: number
  readonly step: (state: number, operation: number) => number
  readonly #operations: readonly KvOperation[]
  readonly #keys: readonly string[]
  readonly #places: readonly (readonly number[])[]
  readonly #reads: readonly boolean[]
  readonly #after: Int32Array
  readonly #isVersioned: boolean
  readonly #joinsKeys: boolean
  readonly #cells = new Interned<Cell>()
  readonly #states = new Interned<Int32Array>()

  constructor(operations: readonly KvOperation[], initial: string | null) {
    this.#operations = operations
    this.#keys = [...new Set(operations.flatMap(({ input }) => keysOf(input)))].sort()
    const places = new Map(this.#keys.map((key, i) => [key, i]))
    this.#places = operations.map(({ input }) => keysOf(input).map((key) => places.get(key) ?? 0))
    this.#reads = operations.map((operation) => factsOf(operation).isRead)
    this.#after = versionOrder(operations)
    this.#joinsKeys = this.#places.some((each) => each.length > 1)
    this.#isVersioned = operations.some(speaksOfVersions)
    const isExact = this.#isVersioned && initial === null
    const cell = this.#cellId({ value: initial, version: 0, isExact })
    this.start = this.#stateId(new Int32Array(this.#keys.length).fill(cell))
    const cache = new StepCache(operations.length, (state, operation) => this.#step(state, operation))
    this.step = (state, operation) => cache.step(state, operation)
  }

  isRead(index: number): boolean {
    return this.#reads[index] === true
  }

  mayNotice(next: number, open: number): boolean {
    const places = this.#places[open] ?? []
    if (!this.#joinsKeys && this.#operations[next]?.input.f === 'put') return false
    if (places.some((place) => this.#places[next]?.includes(place))) return true
    // An operation on several keys may notice several open operations, which come one after the other before it.
    return this.#joinsKeys && this.#operations[next]?.output === null
  }

  after(index: number): number {
    return this.#after[index] ?? -1
  }

  describe(state: number): string {
    const cells = this.#states.at(state)
    const words = this.#keys.map((key, i) => `${key} = ${cellWords(this.#cells.at(cells[i] ?? 0))}`)
    return words.join(', ')
  }

  #step(state: number, index: number): number {
    const operation = this.#operations[index]
    const places = this.#places[index]
    if (operation === undefined || places === undefined) return IMPOSSIBLE
    const now = this.#states.at(state)
    const before = new Map(places.map((place) => [this.#keys[place] ?? '', this.#cells.at(now[place] ?? 0)]))
    const after = stepKeyValue(before, operation.input, operation.output, this.#isVersioned)
    if (after === null) return IMPOSSIBLE
    if (after === before) return state
    const next = now.slice()
    for (const place of places) {
      const cell = after.get(this.#keys[place] ?? '')
      if (cell !== undefined) next[place] = this.#cellId(cell)
    }
    return this.#stateId(next)
  }

  #cellId(cell: Cell): number {
    return this.#cells.idOf(cell, cellPrint(cell))
  }

  #stateId(cells: Int32Array): number {
    return this.#states.idOf(cells, cells.join(','))
  }
}

/** Versions only grow, so they put the operations of a key in order, those of unknown outcome aside: each follows the one before it. */
function versionOrder(operations: readonly KvOperation[]): Int32Array {
  const chains = new Map<string, { operation: number; version: number; isRead: boolean; call: number }[]>()
  for (const [i, operation] of operations.entries()) {
    const { isRead, shows, writes } = factsOf(operation)
    const [told] = isRead ? shows : writes
    const isAlone = keysOf(operation.input).length === 1
    if (!isAlone || operation.output === null || told?.version === undefined || told.version === 0) continue
    const chain = chains.get(told.key) ?? []
    chains.set(told.key, chain)
    chain.push({ operation: i, version: told.version, isRead, call: operation.call })
  }
  const after = new Int32Array(operations.length).fill(-1)
  for (const chain of chains.values()) {
    chain.sort((a, b) => a.version - b.version || Number(a.isRead) - Number(b.isRead) || a.call - b.call)
    for (const [i, { operation }] of chain.entries()) after[operation] = chain[i - 1]?.operation ?? -1
  }
  return after
}

function speaksOfVersions({ input, output }: KvOperation): boolean {
  if (JSON.stringify(input).includes('"version":')) return true
  return output !== null && /"version":[1-9]/.test(JSON.stringify(output))
}
