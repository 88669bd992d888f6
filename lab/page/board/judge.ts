import { check } from '../../checker/check.ts'
import { keyValueModel } from '../../checker/models/key-value.ts'
import type { HistoryEvent, Operation } from '../../checker/operations.ts'
import type { PartVerdict } from '../../checker/verdict.ts'
import { operationsOf } from '../../simulator/client/history.ts'
import type { BoardVerdict, ViolationView } from './view.ts'

/** Effort for one key's history, each time that it has grown. */
const CONFIGURATIONS_MAX = 100_000

/** Judges the clients' history as it grows: keys whose history has not changed keep their verdict. */
export class Judge {
  readonly #events: readonly HistoryEvent[]
  /** By key: how many of its operations there were, how many of them had ended, and what was said of them. */
  readonly #parts = new Map<string, { readonly mark: string; readonly part: PartVerdict }>()
  #judged = -1
  #verdict: BoardVerdict = {
    judgement: 'linearizable',
    operations: 0,
    reason: null,
    culprits: [],
    order: [],
    violations: [],
  }

  constructor(events: readonly HistoryEvent[]) {
    this.#events = events
  }

  /** The same object as long as nothing has changed. */
  verdict(violations: readonly ViolationView[], startUs: number): BoardVerdict {
    if (this.#judged !== this.#events.length) {
      this.#judged = this.#events.length
      this.#verdict = { ...this.#judge(operationsOf(this.#events), startUs), violations }
    } else if (this.#verdict.violations !== violations) this.#verdict = { ...this.#verdict, violations }
    return this.#verdict
  }

  #judge(operations: readonly Operation[], startUs: number): Omit<BoardVerdict, 'violations'> {
    const parts = keyValueModel.partition(operations).map((part) => this.#partOf(part.name, part.operations))
    const wrong = parts.find(({ judgement }) => judgement === 'not-linearizable')
    const unknown = parts.find(({ judgement }) => judgement === 'unknown')
    const shown = wrong ?? unknown
    return {
      judgement: shown?.judgement ?? 'linearizable',
      operations: operations.length,
      reason: shown === undefined || shown.reason === null ? null : inPageTime(shown.reason, startUs),
      culprits: (wrong?.smallest ?? []).map(({ id }) => id),
      order: shown === undefined ? parts.flatMap(({ longestPrefix }) => longestPrefix) : shown.longestPrefix,
    }
  }

  #partOf(name: string, operations: readonly Operation[]): PartVerdict {
    const ended = operations.filter((operation) => operation.return !== Number.POSITIVE_INFINITY).length
    const mark = `${operations.length} ${ended}`
    const known = this.#parts.get(name)
    if (known?.mark === mark) return known.part
    const limits = { configurationsMax: CONFIGURATIONS_MAX }
    const { parts } = check(operations, { model: 'key-value', limits })
    const part = parts.find(({ judgement }) => judgement !== 'linearizable') ?? parts[0]
    if (part === undefined) throw new Error(`key ${name}: nothing to judge`)
    this.#parts.set(name, { mark, part })
    return part
  }
}

const WHO_AND_WHEN = /\(process ([^,()]+), (from )?([\d.]+)(?: to ([\d.]+))?\)/g

/** The checker speaks of microseconds since the machines were switched on; the visitor's time is another. */
const inPageTime = (reason: string, startUs: number): string =>
  reason.replace(
    WHO_AND_WHEN,
    (_, who: string, open: string | undefined, from: string, to: string | undefined) => {
      const ms = (us: string) => Math.round((Number(us) - startUs) / 1000)
      return `(${who}, ${open ?? ''}${ms(from)}${to === undefined ? '' : ` to ${ms(to)}`} ms)`
    },
  )
