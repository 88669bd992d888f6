/**
 * Follows an order of operations and says in words what the state is after each: for readers, not for judging. The verdict is the checker's;
 * where this follower knows too little it says so by `null` and never contradicts.
 */

import type { KvExpect, KvInput, KvVersioned, ModelName, Operation, RegisterInput } from '../operations.ts'
import { clip, valueText } from './text.ts'

interface Known {
  readonly value: string | number | null
  readonly version?: number | undefined
}

/** A register is the key ''. Keys that nobody has touched are not in it. */
export type FollowedState = Map<string, Known>

type Input = KvInput | RegisterInput

/** Whether this model's states can be followed. */
export function canFollow(model: ModelName): boolean {
  return model !== 'znodes'
}

/**
 * Applies one operation. Changes `state` also where it returns an objection.
 * @returns why its answer does not fit the state before it; null where it fits.
 */
export function follow(state: FollowedState, operation: Operation): string | null {
  const input = operation.input as Input
  const answer = operation.output as Answer | null
  switch (input.f) {
    case 'read':
      return observe(state, '', answer === null ? undefined : { value: answer.value ?? null })
    case 'write':
      return assign(state, '', { value: input.value })
    case 'get':
      return observe(state, input.key, answer === null ? undefined : known(answer.found ?? null))
    case 'put':
      return assign(state, input.key, { value: input.value, version: answer?.version })
    case 'append': {
      const before = heldValue(state, input.key)
      return assign(state, input.key, { value: `${before ?? ''}${input.value}`, version: answer?.version })
    }
    case 'delete':
      return assign(state, input.key, { value: null })
    case 'increment':
      return increment(state, input, answer)
    case 'cas': {
      const key = 'key' in input ? input.key : ''
      const expect: KvExpect | Known = 'key' in input ? input.expect : { value: input.expect }
      return compareAndSet(state, { key, expect, value: input.value }, answer)
    }
    case 'multi-get':
      return observeAll(state, input.keys, answer?.values)
    case 'txn':
      return transact(state, input, answer)
    default:
      return null
  }
}

/** The whole state in one line, cut to `max` characters. */
export function stateText(state: FollowedState, model: ModelName, max = 160): string {
  if (model === 'register') return valueText(heldValue(state, ''), max)
  const keys = [...state.keys()].sort()
  if (keys.length === 0) return 'nothing written yet'
  return clip(keys.map((key) => `${valueText(key, 24)} = ${knownText(state.get(key))}`).join(', '), max)
}

interface Answer {
  readonly value?: string | number | null
  readonly found?: KvVersioned | null
  readonly version?: number
  readonly number?: number
  readonly matched?: boolean
  readonly applied?: boolean
  readonly current?: KvVersioned | null
  readonly values?: readonly (KvVersioned | null)[]
  readonly reads?: readonly (KvVersioned | null)[]
}

function assign(state: FollowedState, key: string, value: Known): null {
  state.set(key, value)
  return null
}

/** What was read is the state from then on: recorders differ in what an untouched key holds, and the checker has judged it. */
function observe(state: FollowedState, key: string, seen: Known | undefined): string | null {
  if (seen === undefined) return null
  const before = state.get(key)
  state.set(key, seen)
  const untouched = before === undefined && (seen.value === null || seen.value === '')
  if (untouched || (before !== undefined && same(before, seen))) return null
  return `read ${knownText(seen)}, but here the value is ${knownText(before)}`
}

function observeAll(
  state: FollowedState,
  keys: readonly string[],
  seen: readonly (KvVersioned | null)[] | undefined,
): string | null {
  if (seen === undefined) return null
  const objections = keys.map((key, i) => {
    const objection = observe(state, key, known(seen[i] ?? null))
    return objection === null ? null : `${valueText(key, 24)}: ${objection}`
  })
  return objections.find((objection) => objection !== null) ?? null
}

function increment(
  state: FollowedState,
  input: Extract<KvInput, { f: 'increment' }>,
  answer: Answer | null,
): string | null {
  const before = heldValue(state, input.key)
  const sum = Number(before ?? 0) + input.by
  const told = answer?.number
  assign(state, input.key, { value: String(told ?? sum), version: answer?.version })
  if (told === undefined || told === sum) return null
  return `answered ${told}, but ${valueText(before)} and ${input.by} make ${sum}`
}

function compareAndSet(
  state: FollowedState,
  { key, expect, value }: { key: string; expect: KvExpect | Known; value: string | number },
  answer: Answer | null,
): string | null {
  const before = state.get(key)
  const holds = meets(before, expect)
  const matched = answer?.matched ?? holds ?? true
  if (matched) assign(state, key, { value, version: answer?.version })
  if (holds === null || matched === holds) return null
  const wanted =
    'version' in expect && !('value' in expect)
      ? `version ${expect.version}`
      : valueText((expect as Known).value)
  return `${matched ? 'matched' : 'did not match'} ${wanted}, but here the value is ${knownText(before)}`
}

function transact(
  state: FollowedState,
  input: Extract<KvInput, { f: 'txn' }>,
  answer: Answer | null,
): string | null {
  const results = input.compares.map(({ key, expect }) => meets(state.get(key), expect))
  const holds = results.includes(false) ? false : results.includes(null) ? null : true
  const applied = answer?.applied ?? holds ?? true
  const objection = observeAll(state, input.reads, answer?.reads)
  if (applied) {
    for (const { key, value } of input.writes) assign(state, key, { value, version: answer?.version })
  }
  if (objection !== null) return objection
  if (holds === null || holds === applied) return null
  return applied
    ? 'applied, but a comparison does not hold here'
    : 'did not apply, but every comparison holds here'
}

/** Null: not known, for want of a recorded version. */
function meets(before: Known | undefined, expect: KvExpect | Known): boolean | null {
  if (!('value' in expect)) return before?.version === undefined ? null : before.version === expect.version
  const value = before?.value ?? null
  return value === expect.value || (before === undefined && expect.value === '')
}

function same(a: Known, b: Known): boolean {
  if (a.value !== b.value) return false
  return a.version === undefined || b.version === undefined || a.version === b.version
}

function known(found: KvVersioned | null): Known {
  return found === null ? { value: null } : { value: found.value, version: found.version }
}

function heldValue(state: FollowedState, key: string): string | number | null {
  return state.get(key)?.value ?? null
}

function knownText(value: Known | undefined): string {
  if (value === undefined) return 'absent'
  return `${valueText(value.value, 80)}${value.version === undefined ? '' : ` (v${value.version})`}`
}
