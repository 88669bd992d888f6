/** What a torture prints at its end. */
import Table from 'cli-table3'
import type { FaultFigures } from './figures.ts'
import type { JudgedHistory } from './judge.ts'

const ms = (value: number) => (value < 1000 ? `${Math.round(value)} ms` : `${(value / 1000).toFixed(1)} s`)

const plain = (head: string[], colAligns: ('left' | 'right')[]) =>
  new Table({ head, style: { head: [], border: [] }, colAligns })

export function faultTable(figures: readonly FaultFigures[]): string {
  const table = plain(
    ['fault', 'count', 'ok', 'failed', 'indefinite', 'reads stalled', 'writes stalled'],
    ['left', 'right', 'right', 'right', 'right', 'right', 'right'],
  )
  for (const { kind, count, ok, failed, indefinite, readStallMs, writeStallMs } of figures)
    table.push([kind, count, ok, failed, indefinite, ms(readStallMs), ms(writeStallMs)])
  return `${table.toString()}
  Operations that ended while a fault of the kind lasted; faults overlap. all: the whole time.
  failed: did not happen, or was a read. indefinite: a write without an answer; it may have happened.
  stalled: the longest time in which not one read (write) of any client was answered.`
}

export function verdictTable({ models }: JudgedHistory): string {
  const table = plain(
    ['model', 'histories', 'operations', 'not linearizable', 'unknown', 'verdict'],
    ['left', 'right', 'right', 'right', 'right', 'left'],
  )
  for (const { model, parts, operations, violated, unknown, judgement } of models)
    table.push([model, parts, operations, violated, unknown, judgement])
  return table.toString()
}
