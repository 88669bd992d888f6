/** Turns what the protocol answers into what callers get. */
import type { Versioned, WriteResult } from '../protocol/commands.ts'
import { StoreError } from '../protocol/errors.ts'
import type { OperationResult } from './core/events.ts'
import type { ServerStatus, TransactionOutcome, WriteOutcome } from './options.ts'
import { StoredValue } from './stored-value.ts'

const stored = (versioned: Versioned | null, committed = true): StoredValue | null =>
  versioned === null ? null : new StoredValue(versioned, committed)

export function valuesOf(result: OperationResult): (StoredValue | null)[] {
  return result.type === 'values' ? result.values.map((value) => stored(value, result.committed)) : []
}

export const readsOf = (result: WriteResult): (StoredValue | null)[] =>
  result.type === 'read-back' ? result.reads.map((read) => stored(read)) : []

export function outcomeOf(result: WriteResult): WriteOutcome {
  if (result.type === 'unmatched') return { applied: false, current: stored(result.current) }
  return { applied: true, version: versionOf(result) }
}

/** The answer's version also dates what was read; it is a version of keys only where some were written. */
export function transactionOutcomeOf(result: WriteResult, writes: boolean): TransactionOutcome {
  const applied = result.type === 'read-back' && result.applied
  return { applied, version: applied && writes ? versionOf(result) : 0, reads: readsOf(result) }
}

export const versionOf = (result: WriteResult): number => ('version' in result ? result.version : 0)

export const numberOf = (result: WriteResult): number =>
  result.type === 'written' && result.number !== null ? result.number : Number.NaN

/** The command made no sense for the value that it met; nothing changed. */
export const refusalOf = (result: OperationResult): StoreError | null =>
  result.type === 'refused' ? new StoreError(result.code, result.message) : null

/** What a server said of itself. */
export function statusOf(server: string, result: OperationResult): ServerStatus {
  try {
    return { server, status: JSON.parse(result.type === 'status' ? result.json : ''), error: null }
  } catch (cause) {
    return { server, status: null, error: new Error(`status of ${server}: it is not JSON`, { cause }) }
  }
}
