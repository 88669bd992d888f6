/**
 * The order that the zxids claim, against what clients could know: real time for writes and syncs, each session's own order for everything.
 */
import { isCompleted } from '../event-list.ts'
import { labelOf } from '../page/labels.ts'
import type { ZnodeOperation } from './tree-machine.ts'

/** Two operations that contradict each other, and how. */
export interface OrderFault {
  readonly reason: string
  readonly operations: readonly ZnodeOperation[]
}

export const isWrite = ({ input: { f } }: ZnodeOperation): boolean =>
  f === 'create' || f === 'set' || f === 'remove'
export const zxidOf = ({ output }: ZnodeOperation): number => output?.zxid ?? 0
export const hasChanged = (operation: ZnodeOperation): boolean =>
  isWrite(operation) && operation.output !== null && operation.output.error === null

const byCall = (a: ZnodeOperation, b: ZnodeOperation) => a.call - b.call || a.id - b.id

export function orderFault(operations: readonly ZnodeOperation[], bounds: Bounds): OrderFault | null {
  const completed = operations.filter(isCompleted)
  return sameZxid(completed) ?? sessionFault(completed) ?? timeFault(completed, bounds)
}

/** Per operation: what had been answered with the greatest zxid when it was called. */
export type Bounds = ReadonlyMap<number, ZnodeOperation>

export function boundsOf(operations: readonly ZnodeOperation[]): Bounds {
  const calls = [...operations].sort(byCall)
  const returns = operations.filter(isCompleted).sort((a, b) => a.return - b.return)
  const bounds = new Map<number, ZnodeOperation>()
  let seen: ZnodeOperation | null = null
  let next = 0
  for (const operation of calls) {
    for (let end = returns[next]; end !== undefined && end.return < operation.call; end = returns[++next])
      if (seen === null || zxidOf(end) > zxidOf(seen)) seen = end
    if (seen !== null) bounds.set(operation.id, seen)
  }
  return bounds
}

function sameZxid(completed: readonly ZnodeOperation[]): OrderFault | null {
  const writes = new Map<number, ZnodeOperation>()
  for (const write of completed.filter(hasChanged)) {
    const other = writes.get(zxidOf(write))
    if (other !== undefined)
      return fault(
        `${words(other)} and ${words(write)} were given the same zxid ${zxidOf(write)}`,
        other,
        write,
      )
    writes.set(zxidOf(write), write)
  }
  return null
}

function sessionFault(completed: readonly ZnodeOperation[]): OrderFault | null {
  const newest = new Map<string, ZnodeOperation>()
  for (const operation of [...completed].sort(byCall)) {
    const before = newest.get(operation.process)
    const isOld = before !== undefined && zxidOf(operation) < zxidOf(before)
    if (isOld)
      return fault(
        `${words(operation)} was answered at zxid ${zxidOf(operation)}, although its session had seen zxid ${zxidOf(before)} by ${words(before)}`,
        before,
        operation,
      )
    newest.set(operation.process, operation)
  }
  return null
}

/** A write, and a sync, comes after everything that was seen before it was called; so nobody sees what has not begun. */
function timeFault(completed: readonly ZnodeOperation[], bounds: Bounds): OrderFault | null {
  for (const operation of completed) {
    if (!isWrite(operation) && operation.input.f !== 'sync') continue
    const before = bounds.get(operation.id)
    if (before === undefined) continue
    const isLate = hasChanged(operation)
      ? zxidOf(operation) <= zxidOf(before)
      : zxidOf(operation) < zxidOf(before)
    if (isLate)
      return fault(
        `${words(operation)} has zxid ${zxidOf(operation)}, although zxid ${zxidOf(before)} had been seen before it began, by ${words(before)}`,
        before,
        operation,
      )
  }
  return null
}

const fault = (reason: string, ...operations: readonly ZnodeOperation[]): OrderFault => ({
  reason,
  operations,
})

export const words = (operation: ZnodeOperation): string =>
  `${labelOf(operation).split(' → ')[0]} (session ${operation.process}, ${operation.call} to ${operation.return})`
