import type { KvInput, KvOutput, ModelName, Operation } from '../../lab/checker/operations.ts'
import type { Judgement, PartVerdict, Verdict } from '../../lab/checker/verdict.ts'

/** `[process, input, output, call, return]`; without an output and a return, no answer came. */
export type Row = readonly [string, unknown, unknown, number, number?]

export function operationsOf(rows: readonly Row[]): Operation[] {
  return rows.map(([process, input, output, call, end], id) => ({
    id,
    process,
    input,
    output: output ?? null,
    call,
    return: end ?? Infinity,
  }))
}

export const put = (key: string, value: string): KvInput => ({ f: 'put', key, value })
export const get = (key: string): KvInput => ({ f: 'get', key })
export const found = (value: string | null, version?: number): KvOutput => ({
  found: value === null ? null : version === undefined ? { value } : { value, version },
})

export interface PartShape {
  readonly name?: string
  readonly judgement?: Judgement
  readonly reason?: string | null
  readonly operations: readonly Operation[]
  readonly longestPrefix: readonly number[]
  readonly stateAfter?: string
  readonly smallest?: readonly Operation[] | null
}

export function partOf(shape: PartShape): PartVerdict {
  return {
    name: 'x',
    judgement: 'linearizable',
    reason: null,
    stateAfter: '',
    smallest: null,
    configurationsVisited: 9,
    ...shape,
  }
}

export function verdictOf(model: ModelName, parts: readonly PartVerdict[]): Verdict {
  const has = (judgement: Judgement) => parts.some((part) => part.judgement === judgement)
  return {
    judgement: has('not-linearizable') ? 'not-linearizable' : has('unknown') ? 'unknown' : 'linearizable',
    model,
    operations: parts.reduce((sum, { operations }) => sum + operations.length, 0),
    parts,
  }
}

const lecture = (reader: readonly Row[]) =>
  operationsOf([
    ['C1', put('x', '0'), {}, 0, 30],
    ['C1', put('x', '1'), {}, 40, 110],
    ['C2', put('x', '2'), {}, 10, 90],
    ['C3', get('x'), found('2'), 50, 70],
    ['C3', get('x'), found('1'), 80, 105],
    ...reader,
  ])

/** MIT 6.824's first history: `|-Wx0-| |-Wx1-|`, a write of 2 beside both, and one reader who saw 2, then 1. */
export function lectureLinearizable(): Verdict {
  const operations = lecture([])
  return verdictOf('key-value', [partOf({ operations, longestPrefix: [0, 2, 3, 1, 4], stateAfter: 'x = 1' })])
}

/** Its second one: another reader saw 1, then 2. Each read must then come before the other. */
export function lectureCycle(): Verdict {
  const operations = lecture([
    ['C4', get('x'), found('1'), 48, 68],
    ['C4', get('x'), found('2'), 82, 108],
  ])
  return verdictOf('key-value', [
    partOf({
      operations,
      judgement: 'not-linearizable',
      reason:
        'C3 saw x change from 2 to 1 and C4 saw it change from 1 to 2, but each value was written only once',
      longestPrefix: [0, 2, 3, 1, 5, 4],
      stateAfter: 'x = 1',
      smallest: operations.slice(1),
    }),
  ])
}

/** All that can stand in a bar: versions, comparisons that fail, no answers. */
export function mixed(): Verdict {
  const operations = operationsOf([
    ['n1:client-2', put('cart', 'apples'), { version: 3 }, 0, 2.1],
    ['n1:client-10', get('cart'), found('apples', 3), 1.2, 3.4],
    [
      'n2:client-1',
      { f: 'cas', key: 'cart', expect: { version: 2 }, value: 'pears' },
      { matched: false },
      2,
      5,
    ],
    ['n1:client-2', put('cart', 'plums and a long tail of other fruit that no bar can hold'), null, 4],
    ['n1:client-10', { f: 'append', key: 'cart', value: '!' }, { version: 5 }, 6, 7.2],
    ['n2:client-1', { f: 'delete', key: 'cart' }, { version: 6 }, 6500, 6503],
    ['n2:client-1', { f: 'increment', key: 'cart', by: 2 }, { version: 7, number: 2 }, 6504, 6505.5],
    ['n1:client-10', get('cart'), found('2', 7), 6505, 6507],
    ['n3:client-1', put('cart', 'never'), null, 6506],
  ])
  return verdictOf('key-value', [
    partOf({ name: 'cart', operations, longestPrefix: [0, 1, 2, 3, 4, 5, 6, 7] }),
  ])
}

/** Many keys, the `bad`th of which fails; its whole history is long, its smallest one short. */
export function long(count: number, keys: number, bad: number | null): Verdict {
  const parts = Array.from({ length: keys }, (_, key) =>
    longPart(`user:${key}`, Math.floor(count / keys), key === bad),
  )
  return verdictOf('key-value', parts)
}

function longPart(name: string, count: number, bad: boolean): PartVerdict {
  const rows: Row[] = []
  let value: string | null = null
  const staleAt = Math.floor(count * 0.7)
  let stale: Row | null = null
  for (let i = 0; i < count; i++) {
    const at = i * 4 + Math.floor(i / 500) * 9000
    const wobble = (i * 7919) % 5
    const client = `client-${i % 12}`
    if (bad && i === staleAt) {
      stale = [client, get(name), found('v0', 1), at, at + 9 + wobble]
      rows.push(stale)
    } else if (i % 3 === 0) {
      value = `v${i}`
      rows.push([client, put(name, value), { version: i + 1 }, at, at + 14 + wobble])
    } else rows.push([client, get(name), found(value, i - (i % 3) + 1), at, at + 9 + wobble])
  }
  const operations = operationsOf(rows)
  if (!bad) return partOf({ name, operations, longestPrefix: operations.map(({ id }) => id) })
  const smallest = [0, staleAt - 2, staleAt - 1, staleAt].flatMap((id) => operations[id] ?? [])
  return partOf({
    name,
    operations,
    judgement: 'not-linearizable',
    reason: 'the last get returned a value that had been overwritten before it began',
    longestPrefix: operations.flatMap(({ id }) => (id < staleAt + 3 && id !== staleAt ? [id] : [])),
    smallest,
  })
}

export const HOSTILE = [
  '</script><script>window.hacked=1</script>',
  '<img src=x onerror="window.hacked=1">',
  '"\'><svg onload=window.hacked=1>',
  '<!--<script>',
  '\u0000\u0007\n\r\u001b[31m',
  '\xff\xfe\x80',
  '\u202Eevil',
  '${window.hacked=1}`\\u003c',
  '__proto__',
] as const

export function hostile(): Verdict {
  const parts = HOSTILE.map((text) =>
    partOf({
      name: text,
      judgement: 'not-linearizable',
      reason: text,
      stateAfter: text,
      operations: operationsOf([
        [text, put(text, text), {}, 0, 10],
        [text, get(text), found(`${text}?`), 20, 30],
      ]),
      longestPrefix: [0],
      smallest: operationsOf([[text, get(text), found(text), 20, 30]]),
    }),
  )
  return verdictOf('key-value', parts)
}
