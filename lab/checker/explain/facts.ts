import type { KvExpect, KvInput, KvOutput, Operation, RegisterInput, RegisterOutput } from '../operations.ts'

/** A value in a key; null: absent. Values of registers are told apart by their JSON. */
export interface Told {
  readonly key: string
  readonly value: string | null
  readonly version?: number
}

/** What an operation tells of the keys that it used, whatever its model. A register is the key ''. */
export interface Facts {
  /** It changed nothing, so a history without it has fewer reasons to be wrong, and no new one. */
  readonly isRead: boolean
  /** What it wrote. `value: undefined`: nobody was told. `isAppend`: the value is what was added. */
  readonly writes: readonly {
    readonly key: string
    readonly value: string | null | undefined
    readonly isAppend: boolean
    readonly version?: number
  }[]
  /** What it found, by its answer or because it would have done something else. */
  readonly shows: readonly Told[]
  /** What it did not find. */
  readonly misses: readonly Told[]
  /** Keys on whose state its answer depends in ways that are not told. */
  readonly vague: readonly string[]
}

const NOTHING: Facts = { isRead: false, writes: [], shows: [], misses: [], vague: [] }

export function factsOf(operation: Operation): Facts {
  const input = operation.input as KvInput | RegisterInput
  if (input.f === 'read' || input.f === 'write' || (input.f === 'cas' && !('key' in input)))
    return registerFacts(input, operation.output as RegisterOutput | null)
  return keyValueFacts(input, operation.output as KvOutput | null)
}

function registerFacts(input: RegisterInput, output: RegisterOutput | null): Facts {
  const told = (value: unknown): Told => ({ key: '', value: value === null ? null : JSON.stringify(value) })
  const write = (value: unknown) => [{ key: '', value: JSON.stringify(value), isAppend: false }]
  if (input.f === 'write') return { ...NOTHING, writes: write(input.value) }
  if (input.f === 'read') {
    const shows = output !== null && 'value' in output ? [told(output.value)] : []
    return { ...NOTHING, isRead: true, shows }
  }
  if (output !== null && 'matched' in output && !output.matched)
    return { ...NOTHING, isRead: true, misses: [told(input.expect)] }
  return { ...NOTHING, shows: [told(input.expect)], writes: write(input.value) }
}

function keyValueFacts(input: KvInput, output: KvOutput | null): Facts {
  const version = output !== null && 'version' in output ? output.version : undefined
  const tag = version === undefined ? {} : { version }
  switch (input.f) {
    case 'get': {
      const found = output !== null && 'found' in output ? [{ key: input.key, ...toldOf(output.found) }] : []
      return { ...NOTHING, isRead: true, shows: found }
    }
    case 'multi-get': {
      const values = output !== null && 'values' in output ? output.values : []
      const shows = input.keys.flatMap((key, i) =>
        values.slice(i, i + 1).map((value) => ({ key, ...toldOf(value) })),
      )
      return { ...NOTHING, isRead: true, shows }
    }
    case 'put':
    case 'append': {
      const isAppend = input.f === 'append'
      return { ...NOTHING, writes: [{ key: input.key, value: input.value, isAppend, ...tag }] }
    }
    case 'delete':
      if (version === 0) return { ...NOTHING, isRead: true, shows: [{ key: input.key, value: null }] }
      return {
        ...NOTHING,
        writes: [{ key: input.key, value: null, isAppend: false, ...tag }],
        vague: version === undefined ? [] : [input.key],
      }
    case 'increment': {
      const number = output !== null && 'number' in output ? output.number : undefined
      const value = number === undefined ? undefined : String(number)
      return { ...NOTHING, writes: [{ key: input.key, value, isAppend: false, ...tag }], vague: [input.key] }
    }
    case 'cas':
      return casFacts(input, output, tag)
    case 'txn':
      return transactionFacts(input, output, tag)
  }
}

function casFacts(
  input: Extract<KvInput, { f: 'cas' }>,
  output: KvOutput | null,
  tag: { version?: number },
): Facts {
  const { key, expect, value } = input
  if (output === null || !('matched' in output) || output.matched)
    return { ...NOTHING, ...expected(key, expect), writes: [{ key, value, isAppend: false, ...tag }] }
  if (output.current !== undefined)
    return { ...NOTHING, isRead: true, shows: [{ key, ...toldOf(output.current) }] }
  if ('version' in expect) return { ...NOTHING, isRead: true, vague: [key] }
  return { ...NOTHING, isRead: true, misses: [{ key, value: expect.value }] }
}

function transactionFacts(
  input: Extract<KvInput, { f: 'txn' }>,
  output: KvOutput | null,
  tag: { version?: number },
): Facts {
  const answer = output !== null && 'applied' in output ? output : null
  const compares = input.compares.map(({ key, expect }) => expected(key, expect))
  const reads = input.reads.flatMap((key, i) =>
    (answer?.reads ?? []).slice(i, i + 1).map((value) => ({ key, ...toldOf(value) })),
  )
  if (answer !== null && !answer.applied)
    return { ...NOTHING, isRead: true, shows: reads, vague: input.compares.map(({ key }) => key) }
  return {
    isRead: input.writes.length === 0,
    writes: input.writes.map(({ key, value }) => ({ key, value, isAppend: false, ...tag })),
    shows: [...reads, ...compares.flatMap(({ shows }) => shows)],
    misses: [],
    vague: compares.flatMap(({ vague }) => vague),
  }
}

function expected(key: string, expect: KvExpect): Pick<Facts, 'shows' | 'vague'> {
  return 'version' in expect
    ? { shows: [], vague: [key] }
    : { shows: [{ key, value: expect.value }], vague: [] }
}

const toldOf = (found: { readonly value: string; readonly version?: number } | null) =>
  found === null
    ? { value: null }
    : { value: found.value, ...(found.version === undefined ? {} : { version: found.version }) }
