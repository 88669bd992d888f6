import type { KvExpect, KvVersioned } from '../operations.ts'

/**
 * One key in a state. `version` is the seq of its newest write, deletes too. Where nobody was told it, `isExact` is false and `version` is the
 * least that it can be: the first read that shows a version fixes it.
 */
export interface Cell {
  readonly value: string | null
  readonly version: number
  readonly isExact: boolean
}

export const cellPrint = ({ value, version, isExact }: Cell): string =>
  `${version}${isExact ? '=' : '<'}${value === null ? '' : `:${value}`}`

/** The cell, if a reply can have shown it like this; null: it cannot. */
export function seen(cell: Cell, shown: KvVersioned | null): Cell | null {
  if (shown === null || cell.value === null) return shown === null && cell.value === null ? cell : null
  if (shown.value !== cell.value) return null
  return shown.version === undefined ? cell : atVersion(cell, shown.version)
}

/** The cell, if its version can be this one. */
function atVersion(cell: Cell, version: number): Cell | null {
  if (cell.isExact) return cell.version === version ? cell : null
  return version >= cell.version ? { ...cell, version, isExact: true } : null
}

/**
 * The cell after a write. Versions of a key only grow, because they are places in the log of its chain.
 * @param version - undefined: not known. Null is returned where it cannot be this one.
 */
export function written(cell: Cell, value: string | null, version: number | undefined): Cell | null {
  if (version === undefined) return { value, version: cell.version + 1, isExact: false }
  return version > cell.version ? { value, version, isExact: true } : null
}

/** Where versions are not recorded at all, cells with the same value are the same cell. */
export const writtenUnversioned = (value: string | null): Cell => ({ value, version: 0, isExact: false })

/** The cell, if it can meet the expectation. */
export function met(cell: Cell, expect: KvExpect): Cell | null {
  if ('version' in expect) return cell.value === null ? null : atVersion(cell, expect.version)
  return cell.value === expect.value ? cell : null
}

/** Whether it can fail to meet it. */
export function canMiss(cell: Cell, expect: KvExpect): boolean {
  if ('version' in expect) return cell.value === null || !cell.isExact || cell.version !== expect.version
  return cell.value !== expect.value
}

export function cellWords({ value, version, isExact }: Cell): string {
  if (value === null) return 'absent'
  const known = version === 0 ? '' : isExact ? ` (version ${version})` : ` (version ${version} or later)`
  return `${JSON.stringify(value)}${known}`
}
