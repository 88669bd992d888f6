/** What the clients of a workload did last, from the history. */
import type { HistoryEvent, KvInput, KvOutput } from '../../checker/operations.ts'
import { shortened } from './value-text.ts'
import { OPERATIONS_SHOWN_MAX, type OperationView } from './view.ts'

/** Of the history's end: older ones are not looked at. */
const EVENTS_MAX = 600

export function workloadOperations(
  events: readonly HistoryEvent[],
  client: string,
  startUs: number,
): OperationView[] {
  const ends = new Map<number, HistoryEvent>()
  const found: OperationView[] = []
  for (let i = events.length - 1; i >= Math.max(0, events.length - EVENTS_MAX); i--) {
    const event = events[i]
    if (event === undefined || found.length >= OPERATIONS_SHOWN_MAX) break
    if (event.type !== 'invoke') ends.set(event.op, event)
    else if (event.process.startsWith(`${client}/`)) found.push(viewOf(event, ends.get(event.op), startUs))
  }
  return found.reverse()
}

function viewOf(
  { op, input, time }: Extract<HistoryEvent, { type: 'invoke' }>,
  end: HistoryEvent | undefined,
  startUs: number,
): OperationView {
  const { f, ...rest } = input as KvInput
  return {
    id: op,
    text: shortened(`${f} ${wordsOf(rest)}`),
    key: 'key' in rest ? rest.key : '',
    calledMs: (time - startUs) / 1000,
    returnedMs: end === undefined ? null : (end.time - startUs) / 1000,
    state: end === undefined ? 'open' : end.type === 'ok' ? 'ok' : end.type === 'fail' ? 'failed' : 'unknown',
    answer: end === undefined || end.type === 'invoke' ? null : answerOf(end),
    judged: true,
  }
}

const answerOf = (end: Exclude<HistoryEvent, { type: 'invoke' }>): string =>
  end.type === 'ok' ? shortened(wordsOf(end.output as KvOutput)) : end.reason

const wordsOf = (value: object): string =>
  Object.values(value)
    .map((part) => (typeof part === 'object' && part !== null ? JSON.stringify(part) : String(part)))
    .join(' ')
