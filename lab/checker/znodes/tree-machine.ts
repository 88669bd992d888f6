import { IMPOSSIBLE, Interned, type Machine, StepCache } from '../machine.ts'
import type { Operation, ZnodeInput, ZnodeOutput } from '../operations.ts'
import { agrees, EMPTY_TREE, type Outcome, run, type Tree } from './tree.ts'

export type ZnodeOperation = Operation<ZnodeInput, ZnodeOutput>

/** `zxid`: up to where nothing can be put in between any more. */
interface State {
  readonly tree: number
  readonly zxid: number
}

/**
 * The tree at a zxid. A write whose zxid was told makes the tree of that zxid; whoever answered at a zxid saw the tree of that zxid, the same one
 * for all. A write of unknown outcome, if it happened, has a zxid of its own that is not told, so there must be room for it.
 */
export class TreeMachine implements Machine {
  readonly start: number
  readonly step: (state: number, operation: number) => number
  readonly #operations: readonly ZnodeOperation[]
  readonly #trees = new Interned<Tree>()
  readonly #states = new Interned<State>()

  constructor(operations: readonly ZnodeOperation[]) {
    this.#operations = operations
    this.start = this.#idOf({ tree: this.#treeId(EMPTY_TREE), zxid: 0 })
    const cache = new StepCache(operations.length, (state, operation) => this.#step(state, operation))
    this.step = (state, operation) => cache.step(state, operation)
  }

  isRead(index: number): boolean {
    const operation = this.#operations[index]
    if (operation === undefined || operation.output === null) return false
    const { f } = operation.input
    return f === 'read' || f === 'children' || f === 'sync' || operation.output.error !== null
  }

  /** There may be no room for it later, so it may have to be taken earlier. */
  mayNotice(): boolean {
    return true
  }

  after(): number {
    return -1
  }

  describe(state: number): string {
    const { tree, zxid } = this.#states.at(state)
    const nodes = [...this.#trees.at(tree)].filter(([path]) => path !== '/' && !path.startsWith('/zookeeper'))
    const words = nodes.map(
      ([path, { data, dataVersion }]) => `${path} = ${JSON.stringify(data)} (version ${dataVersion})`,
    )
    return `at zxid ${zxid}: ${words.length === 0 ? 'an empty tree' : words.sort().join(', ')}`
  }

  /** What an operation would do here. */
  outcome(state: number, operation: ZnodeOperation): Outcome {
    return run(this.#trees.at(this.#states.at(state).tree), operation.input)
  }

  #step(id: number, index: number): number {
    const operation = this.#operations[index]
    if (operation === undefined) return IMPOSSIBLE
    const { input, output } = operation
    const state = this.#states.at(id)
    const tree = this.#trees.at(state.tree)
    const outcome = run(tree, input)
    if (output === null) {
      if (outcome.tree === tree) return IMPOSSIBLE
      return this.#idOf({ tree: this.#treeId(outcome.tree), zxid: state.zxid + 1 })
    }
    if (!agrees(outcome, output)) return IMPOSSIBLE
    const isWrite = output.error === null && outcome.tree !== tree
    if (isWrite ? output.zxid <= state.zxid : output.zxid < state.zxid) return IMPOSSIBLE
    if (!isWrite && output.zxid === state.zxid) return id
    return this.#idOf({ tree: isWrite ? this.#treeId(outcome.tree) : state.tree, zxid: output.zxid })
  }

  #idOf(state: State): number {
    return this.#states.idOf(state, `${state.tree} ${state.zxid}`)
  }

  #treeId(tree: Tree): number {
    const nodes = [...tree].map(([path, node]) => [path, node.data, node.dataVersion, node.createCount])
    return this.#trees.idOf(
      tree,
      JSON.stringify(nodes.sort((a, b) => (String(a[0]) < String(b[0]) ? -1 : 1))),
    )
  }
}
