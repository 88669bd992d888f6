import type { ModelName, Operation } from '../../lab/checker/operations.ts'
import { labelOf } from '../../lab/checker/page/labels.ts'
import type { PartVerdict, Verdict } from '../../lab/checker/verdict.ts'

/** Parts that are shown in full. */
const PARTS_MAX = 5
/** Operations of the small history that are shown. */
const OPERATIONS_MAX = 40
const STATE_CHARS_MAX = 300

const JUDGEMENTS = {
  linearizable: 'linearizable',
  'not-linearizable': 'NOT linearizable',
  unknown: 'unknown',
} as const

/** What was found, for people. */
export function verdictLines(name: string, verdict: Verdict, seconds: number): readonly string[] {
  const { judgement, model, operations, parts } = verdict
  const size = `${model}, ${counted(operations, 'operation')} in ${counted(parts.length, 'part')}, ${seconds.toFixed(2)} s`
  const troubled = parts.filter((part) => part.judgement !== 'linearizable')
  const wrongFirst = [...troubled].sort((a, b) => rank(a) - rank(b))
  const lines = [`${name}: ${JUDGEMENTS[judgement]} (${size})`]
  for (const part of wrongFirst.slice(0, PARTS_MAX))
    lines.push(
      '',
      `  ${shownName(part, model)}: ${part.reason ?? JUDGEMENTS[part.judgement]}`,
      ...partLines(part),
    )
  if (troubled.length > PARTS_MAX) lines.push('', `  and ${troubled.length - PARTS_MAX} more like these`)
  return lines
}

export function jsonOf(file: string, verdict: Verdict, seconds: number): Record<string, unknown> {
  return {
    file,
    judgement: verdict.judgement,
    model: verdict.model,
    operations: verdict.operations,
    seconds: Math.round(seconds * 1000) / 1000,
    parts: verdict.parts.map((part) => ({ ...part, operations: part.operations.length })),
  }
}

const rank = ({ judgement }: PartVerdict) => (judgement === 'not-linearizable' ? 0 : 1)

function partLines(part: PartVerdict): readonly string[] {
  const lines = []
  const explained = `the longest order found has ${part.longestPrefix.length} of ${counted(part.operations.length, 'operation')}`
  const state = part.stateAfter
  const shortened = state.length > STATE_CHARS_MAX ? `${state.slice(0, STATE_CHARS_MAX)}…` : state
  lines.push(`  ${explained}; after it: ${shortened}`)
  const { smallest } = part
  if (smallest === null) return lines
  const shown = smallest.slice(0, OPERATIONS_MAX)
  lines.push(
    `  ${counted(smallest.length, 'operation')} alone that cannot be explained:`,
    ...operationLines(shown),
  )
  if (smallest.length > shown.length) lines.push(`    … and ${smallest.length - shown.length} more`)
  return lines
}

function shownName({ name }: PartVerdict, model: ModelName): string {
  if (name === 'all') return 'all together'
  return `${model === 'znodes' ? 'below' : 'key'} ${JSON.stringify(name)}`
}

function operationLines(operations: readonly Operation[]): readonly string[] {
  const rows = operations.map((operation) => [
    time(operation.call),
    operation.return === Number.POSITIVE_INFINITY ? 'open' : time(operation.return),
    operation.process,
    labelOf(operation),
  ])
  const table = [['from', 'to', 'who', ''], ...rows]
  const widths = [0, 1, 2].map((column) => Math.max(...table.map((row) => row[column]?.length ?? 0)))
  return table.map(([from = '', to = '', who = '', what = '']) => {
    const cells = [
      from.padStart(widths[0] ?? 0),
      to.padStart(widths[1] ?? 0),
      who.padEnd(widths[2] ?? 0),
      what,
    ]
    return `    ${cells.join('  ')}`.trimEnd()
  })
}

const time = (value: number) => String(Math.round(value * 1000) / 1000)
const counted = (count: number, what: string) => `${count} ${what}${count === 1 ? '' : 's'}`
