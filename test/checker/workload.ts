import fc from 'fast-check'
import type { KvExpect, KvInput, KvOutput, KvVersioned, Operation } from '../../lab/checker/operations.ts'

type KvOperation = Operation<KvInput, KvOutput>

/** One call of a client, before anybody has run it. */
export interface Call {
  readonly who: string
  /** After the moment at which the client's last operation ended. */
  readonly wait: number
  readonly takes: number
  /** When it takes effect, as a part of its time; and whether its client hears of it. */
  readonly effect: number
  readonly fate: 'answered' | 'open' | 'open-late' | 'lost'
  readonly input: KvInput
}

const key = fc.constantFrom('x', 'y')
const value = fc.constantFrom('1', '2', '3')
const expectation: fc.Arbitrary<KvExpect> = fc.oneof(
  fc.record({ value: fc.option(value, { nil: null }) }),
  fc.record({ version: fc.integer({ min: 1, max: 6 }) }),
)
const oneKey: fc.Arbitrary<KvInput> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ f: fc.constant('get' as const), key }) },
  { weight: 3, arbitrary: fc.record({ f: fc.constant('put' as const), key, value }) },
  { weight: 1, arbitrary: fc.record({ f: fc.constant('append' as const), key, value }) },
  { weight: 1, arbitrary: fc.record({ f: fc.constant('delete' as const), key }) },
  {
    weight: 1,
    arbitrary: fc.record({ f: fc.constant('increment' as const), key, by: fc.integer({ min: 1, max: 2 }) }),
  },
  { weight: 2, arbitrary: fc.record({ f: fc.constant('cas' as const), key, expect: expectation, value }) },
)
const manyKeys: fc.Arbitrary<KvInput> = fc.oneof(
  fc.record({ f: fc.constant('multi-get' as const), keys: fc.constant(['x', 'y']) }),
  fc.record({
    f: fc.constant('txn' as const),
    compares: fc.array(fc.record({ key, expect: expectation }), { maxLength: 1 }),
    reads: fc.constantFrom<string[]>([], ['x'], ['x', 'y']),
    writes: fc.constantFrom(
      [
        { key: 'x', value: '4' },
        { key: 'y', value: '4' },
      ],
      [
        { key: 'x', value: null },
        { key: 'y', value: '5' },
      ],
      [],
    ),
  }),
)

export function callsOf(options: {
  readonly severalKeys: boolean
  readonly maxLength: number
}): fc.Arbitrary<readonly Call[]> {
  const input = options.severalKeys
    ? fc.oneof({ weight: 2, arbitrary: oneKey }, { weight: 3, arbitrary: manyKeys })
    : oneKey
  return fc.array(
    fc.record({
      who: fc.constantFrom('a', 'b', 'c'),
      wait: fc.integer({ min: 0, max: 4 }),
      takes: fc.integer({ min: 1, max: 9 }),
      effect: fc.double({ min: 0, max: 1, noNaN: true }),
      fate: fc.oneof(
        { weight: 8, arbitrary: fc.constant('answered' as const) },
        { weight: 2, arbitrary: fc.constantFrom('open' as const, 'open-late' as const, 'lost' as const) },
      ),
      input,
    }),
    { maxLength: options.maxLength },
  )
}

/**
 * Runs calls on one correct store and records what clients see. With `isVersioned` answers name versions, which grow with every write.
 * @param twist - changes the answer of that operation, counted among the answered ones; what comes out may be wrong, or still right.
 */
export function record(
  calls: readonly Call[],
  options: { readonly isVersioned: boolean; readonly twist?: number | null },
): readonly KvOperation[] {
  const free = new Map<string, number>()
  const planned = calls.map((call, id) => {
    const start = (free.get(call.who) ?? 0) + call.wait
    const end = start + call.takes
    free.set(call.who, end + 0.25)
    const late = call.fate === 'open-late' ? 30 * call.effect : call.takes * call.effect
    return { ...call, id, start, end, at: call.fate === 'lost' ? Number.POSITIVE_INFINITY : start + late }
  })
  const store = new CorrectStore(options.isVersioned)
  const outputs = new Map<number, KvOutput>()
  for (const { id, input, at } of [...planned].sort((a, b) => a.at - b.at || a.id - b.id))
    if (at < Number.POSITIVE_INFINITY) outputs.set(id, store.run(input))
  const answered = planned.filter(({ fate }) => fate === 'answered')
  const { twist = null } = options
  const twisted = twist === null ? undefined : answered[twist % Math.max(1, answered.length)]
  return planned.map(({ id, who, start, end, input, fate }) => {
    const isOpen = fate !== 'answered'
    const output = isOpen ? null : (outputs.get(id) ?? null)
    return {
      id,
      process: isOpen ? `${who}-${id}` : who,
      input,
      output: output !== null && id === twisted?.id ? twistedOutput(output) : output,
      call: start,
      return: isOpen ? Number.POSITIVE_INFINITY : end,
    }
  })
}

function twistedOutput(output: KvOutput): KvOutput {
  if ('found' in output) return { found: output.found === null ? { value: '1' } : null }
  if ('values' in output) return { values: [...output.values].reverse() }
  if ('matched' in output) return { matched: !output.matched }
  if ('applied' in output) return { ...output, applied: !output.applied }
  if (output.number !== undefined) return { ...output, number: output.number + 1 }
  return output.version === undefined ? output : { ...output, version: output.version + 1 }
}

/** One copy, one operation at a time. */
export class CorrectStore {
  readonly #values = new Map<string, { value: string; version: number }>()
  readonly #isVersioned: boolean
  #seq = 0

  constructor(isVersioned: boolean) {
    this.#isVersioned = isVersioned
  }

  run(input: KvInput): KvOutput {
    this.#seq++
    const version = this.#isVersioned ? { version: this.#seq } : {}
    switch (input.f) {
      case 'get':
        return { found: this.#show(input.key) }
      case 'multi-get':
        return { values: input.keys.map((each) => this.#show(each)) }
      case 'put':
        this.#write(input.key, input.value)
        return version
      case 'append':
        this.#write(input.key, (this.#values.get(input.key)?.value ?? '') + input.value)
        return version
      case 'delete': {
        const isThere = this.#values.delete(input.key)
        return isThere || !this.#isVersioned ? version : { version: 0 }
      }
      case 'increment': {
        const number = Number(this.#values.get(input.key)?.value ?? '0') + input.by
        this.#write(input.key, String(number))
        return { ...version, number }
      }
      case 'cas': {
        if (!this.#meets(input.key, input.expect)) return { matched: false }
        this.#write(input.key, input.value)
        return { matched: true, ...version }
      }
      case 'txn': {
        const reads = input.reads.map((each) => this.#show(each))
        const applied = input.compares.every((compare) => this.#meets(compare.key, compare.expect))
        if (applied) for (const write of input.writes) this.#write(write.key, write.value)
        return { applied, reads, ...(applied && input.writes.length > 0 ? version : {}) }
      }
    }
  }

  #show(of: string): KvVersioned | null {
    const found = this.#values.get(of)
    if (found === undefined) return null
    return this.#isVersioned ? { ...found } : { value: found.value }
  }

  #meets(of: string, expect: KvExpect): boolean {
    const found = this.#values.get(of)
    if ('version' in expect)
      return found !== undefined && this.#isVersioned && found.version === expect.version
    return (found?.value ?? null) === expect.value
  }

  #write(of: string, to: string | null): void {
    if (to === null) this.#values.delete(of)
    else this.#values.set(of, { value: to, version: this.#seq })
  }
}
