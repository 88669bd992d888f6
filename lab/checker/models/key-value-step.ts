import type { KvInput, KvOutput, KvVersioned } from '../operations.ts'
import { type Cell, canMiss, met, seen, written, writtenUnversioned } from './cell.ts'

/** Cells of the keys of one operation. */
export type Cells = ReadonlyMap<string, Cell>

/** The keys that an operation reads or writes. */
export function keysOf(input: KvInput): readonly string[] {
  if (input.f === 'multi-get') return input.keys
  if (input.f !== 'txn') return [input.key]
  const { compares, reads, writes } = input
  return [...new Set([...compares.map(({ key }) => key), ...reads, ...writes.map(({ key }) => key)])]
}

/**
 * One operation on the cells of its keys. Null: it cannot have been answered as it was. Of an open operation (`output` is null) it is the effect
 * that is asked for, if any: that it has none is as if it were left out.
 */
export function stepKeyValue(
  cells: Cells,
  input: KvInput,
  output: KvOutput | null,
  isVersioned: boolean,
): Cells | null {
  if (input.f === 'multi-get') {
    if (output === null || !('values' in output)) return cells
    return seenAll(cells, input.keys, output.values)
  }
  if (input.f === 'txn') return stepTransaction(cells, input, output, isVersioned)
  const cell = cells.get(input.key)
  if (cell === undefined) return null
  const write: Write = (from, value, version) =>
    isVersioned ? written(from, value, version) : writtenUnversioned(value)
  const next = stepCell(cell, input, output, write)
  return next === null ? null : next === cell ? cells : new Map([[input.key, next]])
}

type Write = (from: Cell, value: string | null, version: number | undefined) => Cell | null
type OneKeyInput = Exclude<KvInput, { f: 'multi-get' | 'txn' }>

function stepCell(cell: Cell, input: OneKeyInput, output: KvOutput | null, write: Write): Cell | null {
  const version = output !== null && 'version' in output ? output.version : undefined
  switch (input.f) {
    case 'get':
      return output !== null && 'found' in output ? seen(cell, output.found) : cell
    case 'put':
      return write(cell, input.value, version)
    case 'append':
      return write(cell, `${cell.value ?? ''}${input.value}`, version)
    case 'delete':
      if (cell.value === null) return version === undefined || version === 0 ? cell : null
      return version === 0 ? null : write(cell, null, version)
    case 'increment': {
      const sum = NUMBER.test(cell.value ?? '0') ? Number(cell.value ?? '0') + input.by : null
      const told = output !== null && 'number' in output ? output.number : undefined
      return sum === null || (told !== undefined && told !== sum) ? null : write(cell, String(sum), version)
    }
    case 'cas': {
      if (output !== null && 'matched' in output && !output.matched) {
        const shown = output.current === undefined ? cell : seen(cell, output.current)
        return shown !== null && canMiss(shown, input.expect) ? shown : null
      }
      const matching = met(cell, input.expect)
      return matching === null ? null : write(matching, input.value, version)
    }
  }
}

const NUMBER = /^-?\d{1,16}$/

function stepTransaction(
  cells: Cells,
  input: Extract<KvInput, { f: 'txn' }>,
  output: KvOutput | null,
  isVersioned: boolean,
): Cells | null {
  const answer = output !== null && 'applied' in output ? output : null
  let after: Cells | null = answer === null ? cells : seenAll(cells, input.reads, answer.reads)
  if (after === null) return null
  if (answer !== null && !answer.applied) {
    const seenCells = after
    const canFail = input.compares.some(({ key, expect }) => {
      const cell = seenCells.get(key)
      return cell !== undefined && canMiss(cell, expect)
    })
    return canFail ? after : null
  }
  for (const { key, expect } of input.compares) {
    after = changed(after, key, (cell) => met(cell, expect))
    if (after === null) return null
  }
  // Of several writes of a key the last one stays. All of them have the one version of the transaction.
  for (const [key, value] of new Map(input.writes.map((write) => [write.key, write.value]))) {
    after = changed(after, key, (cell) =>
      isVersioned ? written(cell, value, answer?.version) : writtenUnversioned(value),
    )
    if (after === null) return null
  }
  return after
}

function seenAll(
  cells: Cells,
  keys: readonly string[],
  shown: readonly (KvVersioned | null)[],
): Cells | null {
  let after: Cells | null = cells
  for (const [i, key] of keys.entries()) {
    const value = shown[i]
    if (value === undefined) continue // a transaction that was not applied need not tell what it read
    after = changed(after, key, (cell) => seen(cell, value))
    if (after === null) return null
  }
  return after
}

function changed(cells: Cells, key: string, change: (cell: Cell) => Cell | null): Cells | null {
  const cell = cells.get(key)
  const next = cell === undefined ? null : change(cell)
  if (next === null) return null
  return next === cell ? cells : new Map(cells).set(key, next)
}
