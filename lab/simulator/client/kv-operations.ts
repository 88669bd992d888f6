/** Operations of a workload, both as the checker knows them and as the client's core takes them. */
import type { OperationResult } from '../../../client/core/events.ts'
import type {
  Condition,
  Consistency,
  Expiry,
  ReadCommand,
  Versioned,
  WriteCommand,
} from '../../../protocol/commands.ts'
import { asMillis, asSeq, type Key } from '../../../protocol/ids.ts'
import type { KvExpect, KvInput, KvOutput, KvVersioned } from '../../checker/operations.ts'
import type { Rng } from '../kernel/rng.ts'
import type { KeyGroup } from './key-groups.ts'

export interface DrawnWrite {
  readonly type: 'write'
  readonly input: KvInput
  readonly command: WriteCommand
}

export interface DrawnRead {
  readonly type: 'read'
  readonly input: Extract<KvInput, { f: 'get' | 'multi-get' }>
  readonly command: ReadCommand
}

export type Drawn = DrawnWrite | DrawnRead

/** How often each kind of operation is drawn, relative to the others. */
export interface OperationMix {
  readonly get: number
  readonly 'multi-get': number
  readonly put: number
  readonly append: number
  readonly delete: number
  readonly increment: number
  readonly cas: number
  readonly 'get-and-set': number
  readonly txn: number
}

export const MIX: OperationMix = {
  get: 8,
  'multi-get': 1,
  put: 4,
  append: 1,
  delete: 1,
  increment: 2,
  cas: 2,
  'get-and-set': 1,
  txn: 1,
}

const encoder = new TextEncoder()
const decoder = new TextDecoder()
const KEEP: Expiry = { type: 'keep' }
const NEVER: Expiry = { type: 'set', atWallMs: asMillis(0) }
const KINDS = Object.keys(MIX) as (keyof OperationMix)[]

/** @param value - one that nobody has written before. */
export function draw(rng: Rng, group: KeyGroup, mix: OperationMix, value: string): Drawn {
  const key = rng.pick(group.registers)
  switch (kindOf(rng, mix)) {
    case 'get':
      return drawGet(rng, group)
    case 'multi-get':
      return getOf(rng.shuffled(group.registers).slice(0, 2))
    case 'put':
      return write(
        { f: 'put', key, value },
        { type: 'put', key, value: encoder.encode(value), expiry: NEVER, condition: null },
      )
    case 'append':
      return write({ f: 'append', key, value }, { type: 'append', key, value: encoder.encode(value) })
    case 'delete':
      return write({ f: 'delete', key }, { type: 'delete', key, condition: null })
    case 'increment': {
      const by = rng.between(1, 9)
      return write({ f: 'increment', key: group.counter, by }, { type: 'increment', key: group.counter, by })
    }
    case 'cas': {
      const expect = expectation(rng, group, key)
      return write(
        { f: 'cas', key, expect, value },
        {
          type: 'put',
          key,
          value: encoder.encode(value),
          expiry: KEEP,
          condition: conditionOf(expect),
        },
      )
    }
    case 'get-and-set':
      return write(
        { f: 'txn', compares: [], reads: [key], writes: [{ key, value }] },
        { type: 'get-and-set', key, value: encoder.encode(value), expiry: NEVER },
      )
    case 'txn':
      return drawTransaction(rng, group, value)
  }
}

/** A read of one key, counters included. */
export const drawGet = (rng: Rng, group: KeyGroup): DrawnRead =>
  getOf([rng.chance(0.2) ? group.counter : rng.pick(group.registers)])

export function getOf(keys: readonly Key[]): DrawnRead {
  const [only] = keys
  const input: DrawnRead['input'] =
    only !== undefined && keys.length === 1 ? { f: 'get', key: only } : { f: 'multi-get', keys }
  return { type: 'read', input, command: { type: 'get', keys } }
}

function kindOf(rng: Rng, mix: OperationMix): keyof OperationMix {
  let left = rng.fraction() * KINDS.reduce((sum, kind) => sum + mix[kind], 0)
  for (const kind of KINDS) {
    left -= mix[kind]
    if (left < 0) return kind
  }
  return 'get'
}

const write = (input: KvInput, command: WriteCommand): DrawnWrite => ({ type: 'write', input, command })

/** Mostly what was last shown, so that some hold and some do not. */
function expectation(rng: Rng, group: KeyGroup, key: Key): KvExpect {
  const shown = group.shown.get(key)
  if (shown === undefined || rng.chance(0.1)) return { value: null }
  return rng.chance(0.5) ? { version: shown.version } : { value: shown.value }
}

function conditionOf(expect: KvExpect): Condition {
  if ('version' in expect) return { type: 'version', version: asSeq(expect.version) }
  return expect.value === null ? { type: 'absent' } : { type: 'value', value: encoder.encode(expect.value) }
}

function drawTransaction(rng: Rng, group: KeyGroup, value: string): DrawnWrite {
  const [first = group.counter, second = group.counter] = rng.shuffled(group.registers)
  const compares = rng.chance(0.5) ? [{ key: first, expect: expectation(rng, group, first) }] : []
  const writes = [
    { key: first, value: value as string | null },
    { key: second, value: rng.chance(0.2) ? null : `${value}b` },
  ]
  return write(
    { f: 'txn', compares, reads: [second], writes },
    {
      type: 'transaction',
      compares: compares.map(({ key, expect }) => ({ key, condition: conditionOf(expect) })),
      reads: [second],
      writes: writes.map(({ key, value: next }) =>
        next === null
          ? { type: 'delete', key }
          : { type: 'put', key, value: encoder.encode(next), expiry: NEVER },
      ),
    },
  )
}

/** What the checker is told of an answer; null where the operation changed nothing and says nothing. */
export function outputOf(input: KvInput, result: OperationResult): KvOutput | null {
  switch (result.type) {
    case 'values': {
      const values = result.values.map(shownOf)
      return input.f === 'get' ? { found: values[0] ?? null } : { values }
    }
    case 'written':
      if (input.f === 'cas') return { matched: true, version: result.version }
      // An append tells the length, which the model does not know.
      return input.f === 'increment' && result.number !== null
        ? { version: result.version, number: result.number }
        : { version: result.version }
    case 'unmatched':
      return { matched: false, current: shownOf(result.current) }
    case 'read-back': {
      const reads = result.reads.map(shownOf)
      return result.applied ? { applied: true, version: result.version, reads } : { applied: false, reads }
    }
    default:
      return null
  }
}

const shownOf = (found: Versioned | null): KvVersioned | null =>
  found === null ? null : { value: decoder.decode(found.value), version: found.version }

/** Weak reads, which the checker does not judge. */
export function drawConsistency(rng: Rng): Consistency {
  switch (rng.below(3)) {
    case 0:
      return { type: 'eventual' }
    case 1:
      return { type: 'bounded-age', maxAgeMs: asMillis(rng.scale(1, 1_000)) }
    default:
      return { type: 'bounded-versions', maxVersions: rng.below(4) }
  }
}
