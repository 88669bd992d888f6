/**
 * Znodes: writes are linearizable, reads are in order per session (ZooKeeper §2.3). Every answer names a zxid, so the order need not be searched:
 * it is claimed, and compared with real time and with the sessions (order.ts) and with a tree that does the writes in that order. Only where the
 * writes of unknown outcome come, if anywhere, is searched.
 */
import { planOf } from '../event-list.ts'
import type { Budget } from '../limits.ts'
import type { Part } from '../models/model.ts'
import type { Operation } from '../operations.ts'
import { type SearchResult, search } from '../search.ts'
import type { PartVerdict } from '../verdict.ts'
import {
  type Bounds,
  boundsOf,
  hasChanged,
  isWrite,
  type OrderFault,
  orderFault,
  words,
  zxidOf,
} from './order.ts'
import { parentOf } from './tree.ts'
import { TreeMachine, type ZnodeOperation } from './tree-machine.ts'

export function checkZnodes(
  history: readonly Operation[],
  partition: boolean,
  budget: Budget,
): readonly PartVerdict[] {
  const operations = history as readonly ZnodeOperation[]
  const bounds = boundsOf(operations)
  const fault = orderFault(operations, bounds)
  if (fault !== null) return [faultVerdict(operations, fault)]
  const parts = partition ? partsOf(operations) : [{ name: 'all', operations }]
  return parts.map((part) =>
    checkTree(part.name, part.operations as readonly ZnodeOperation[], bounds, budget),
  )
}

/** Subtrees below the root have nothing in common, unless somebody counts or lists the root's children. */
function partsOf(operations: readonly ZnodeOperation[]): readonly Part[] {
  const isJoined = operations.some(
    ({ input }) =>
      (input.f === 'children' && input.path === '/') ||
      (input.f === 'create' && input.sequential === true && parentOf(input.path) === '/'),
  )
  if (isJoined || operations.length === 0) return [{ name: 'all', operations }]
  const parts = new Map<string, ZnodeOperation[]>()
  for (const operation of operations) {
    const { input } = operation
    const name = 'path' in input ? `/${input.path.split('/')[1] ?? ''}` : '/'
    const part = parts.get(name) ?? []
    parts.set(name, part)
    part.push(operation)
  }
  return [...parts]
    .map(([name, own]) => ({ name, operations: own }))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
}

function checkTree(
  name: string,
  operations: readonly ZnodeOperation[],
  bounds: Bounds,
  budget: Budget,
): PartVerdict {
  const plan = planOf(inZxidOrder(operations, bounds))
  const ordered = plan.operations as readonly ZnodeOperation[]
  const machine = new TreeMachine(ordered)
  const found = search(plan, machine, budget, name)
  const wrong = found.outcome === 'not-linearizable' ? explain(operations, ordered, machine, found) : null
  return {
    name,
    judgement: found.outcome,
    reason: found.limit ?? wrong?.reason ?? null,
    operations,
    longestPrefix: found.path.map((index) => ordered[index]?.id ?? -1),
    stateAfter: machine.describe(found.stateAfter),
    smallest: wrong?.operations ?? null,
    configurationsVisited: found.configurations,
  }
}

/**
 * The history with zxids for times: what was answered happened at a moment, in this order; a write of unknown outcome at any time after all that
 * had been seen when it was called.
 */
function inZxidOrder(operations: readonly ZnodeOperation[], bounds: Bounds): readonly ZnodeOperation[] {
  const answered = operations
    .filter(({ output }) => output !== null)
    .sort((a, b) => zxidOf(a) - zxidOf(b) || Number(hasChanged(b)) - Number(hasChanged(a)) || a.call - b.call)
  const moments = answered.map((operation, i) => ({ ...operation, call: 2 * i, return: 2 * i + 1 }))
  const open = operations
    .filter((operation) => operation.output === null && isWrite(operation))
    .map((operation) => {
      const bound = bounds.get(operation.id)
      const first = bound === undefined ? 0 : countUpTo(answered, zxidOf(bound))
      return { ...operation, call: 2 * first - 0.5, return: Number.POSITIVE_INFINITY }
    })
  return [...moments, ...open]
}

/** How many have this zxid or a smaller one. */
function countUpTo(answered: readonly ZnodeOperation[], zxid: number): number {
  let [low, high] = [0, answered.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    const operation = answered[middle]
    if (operation !== undefined && zxidOf(operation) <= zxid) low = middle + 1
    else high = middle
  }
  return low
}

/** The first answer that the tree of its zxid contradicts, and the writes that made that tree there. */
function explain(
  operations: readonly ZnodeOperation[],
  ordered: readonly ZnodeOperation[],
  machine: TreeMachine,
  found: SearchResult,
): OrderFault {
  const taken = new Set(found.path)
  const stuck = ordered.find((_, index) => !taken.has(index))
  const original = operations.find(({ id }) => id === stuck?.id)
  if (stuck === undefined || original === undefined) return { reason: 'no order explains them', operations }
  const { errors, answer } = machine.outcome(found.stateAfter, stuck)
  const expected = errors.length > 0 ? errors.join(' or ') : describeAnswer(answer)
  const told = stuck.output?.error ?? describeAnswer(stuck.output ?? {})
  const near = operations.filter((operation) => operation === original || isNear(operation, stuck))
  return {
    reason: `${words(original)} was answered ${told} at zxid ${zxidOf(stuck)}, where the tree says ${expected}`,
    operations: near,
  }
}

function describeAnswer(answer: object): string {
  const told = Object.entries(answer).filter(([name]) => name !== 'zxid' && name !== 'error')
  if (told.length === 0) return 'that it worked'
  return told.map(([name, value]) => `${name} ${JSON.stringify(value)}`).join(', ')
}

/** A write that the answer may depend on: of the same node, its parent or a child, and not after it. */
function isNear(operation: ZnodeOperation, to: ZnodeOperation): boolean {
  if (!isWrite(operation) || !('path' in operation.input) || !('path' in to.input)) return false
  if (operation.output !== null && (operation.output.error !== null || zxidOf(operation) > zxidOf(to)))
    return false
  const [path, other] = [operation.output?.path ?? operation.input.path, to.input.path]
  return path === other || parentOf(path) === other || path === parentOf(other)
}

function faultVerdict(operations: readonly ZnodeOperation[], fault: OrderFault): PartVerdict {
  const ids = new Set(fault.operations.map(({ id }) => id))
  const first = Math.min(...fault.operations.map(zxidOf))
  const before = operations
    .filter((operation) => operation.output !== null && !ids.has(operation.id) && zxidOf(operation) < first)
    .sort((a, b) => zxidOf(a) - zxidOf(b))
  return {
    name: 'all',
    judgement: 'not-linearizable',
    reason: fault.reason,
    operations,
    longestPrefix: before.map(({ id }) => id),
    stateAfter: `everything before zxid ${first}`,
    smallest: fault.operations,
    configurationsVisited: 0,
  }
}
