import type { KvExpect, KvInput, KvOutput, KvVersioned, Operation } from '../../lab/checker/operations.ts'

/** A state that knows everything: nothing is left open, so versions that nobody was told are guessed, all of them. */
type Store = ReadonlyMap<string, { readonly value: string | null; readonly version: number }>

/**
 * Slow and obvious: tries every order that agrees with real time, every set of open operations, and every version that an open write can have had.
 * It shares no code with the checker.
 */
export function isLinearizable(
  operations: readonly Operation<KvInput, KvOutput>[],
  initial: string | null,
): boolean {
  const told = [...JSON.stringify(operations).matchAll(/"version":(\d+)/g)].map((match) => Number(match[1]))
  const versionMax = Math.max(0, ...told) + operations.length
  const isVersioned = told.some((version) => version > 0)
  const visit = (rest: readonly Operation<KvInput, KvOutput>[], store: Store): boolean => {
    if (rest.every(({ output }) => output === null)) return true
    const end = Math.min(...rest.map((operation) => operation.return))
    return rest.some((operation) => {
      if (operation.call > end) return false
      const others = rest.filter((other) => other !== operation)
      const isTold = operation.output !== null && 'version' in operation.output
      const guesses = isVersioned && !isTold ? range(versionMax) : [undefined]
      return guesses.some((guess) => {
        const after = run(store, operation, guess, isVersioned)
        return after !== null && visit(others, after)
      })
    })
  }
  return visit(operations, startOf(operations, initial))
}

const range = (max: number) => Array.from({ length: max }, (_, i) => i + 1)

function startOf(operations: readonly Operation<KvInput, KvOutput>[], value: string | null): Store {
  const keys = operations.flatMap(({ input }) => ('key' in input ? [input.key] : keysOf(input)))
  return new Map(keys.map((key) => [key, { value, version: 0 }]))
}

function keysOf(input: Extract<KvInput, { f: 'multi-get' | 'txn' }>): readonly string[] {
  if (input.f === 'multi-get') return input.keys
  return [...input.compares, ...input.writes].map(({ key }) => key).concat(input.reads)
}

function run(
  store: Store,
  { input, output }: Operation<KvInput, KvOutput>,
  guess: number | undefined,
  isVersioned: boolean,
): Store | null {
  const at = (key: string) => store.get(key) ?? { value: null, version: 0 }
  const answer = (output ?? {}) as {
    version?: number
    number?: number
    found?: KvVersioned | null
    matched?: boolean
    current?: KvVersioned | null
    values?: readonly (KvVersioned | null)[]
    applied?: boolean
    reads?: readonly (KvVersioned | null)[]
  }
  const isOpen = output === null
  const version = answer.version ?? guess
  const shows = (key: string, shown: KvVersioned | null) =>
    shown === null
      ? at(key).value === null
      : at(key).value === shown.value && (shown.version === undefined || at(key).version === shown.version)
  const meets = (key: string, expect: KvExpect) =>
    'version' in expect
      ? at(key).value !== null && at(key).version === expect.version
      : at(key).value === expect.value
  const write = (changes: readonly (readonly [string, string | null])[]): Store | null => {
    if (isVersioned && changes.some(([key]) => (version ?? 0) <= at(key).version)) return null
    return new Map([
      ...store,
      ...changes.map(([key, value]) => [key, { value, version: version ?? 0 }] as const),
    ])
  }
  switch (input.f) {
    case 'get':
      return isOpen || shows(input.key, answer.found ?? null) ? store : null
    case 'multi-get':
      return isOpen || input.keys.every((key, i) => shows(key, answer.values?.[i] ?? null)) ? store : null
    case 'put':
      return write([[input.key, input.value]])
    case 'append':
      return write([[input.key, (at(input.key).value ?? '') + input.value]])
    case 'delete':
      if (at(input.key).value === null)
        return answer.version === undefined || answer.version === 0 ? store : null
      return answer.version === 0 ? null : write([[input.key, null]])
    case 'increment': {
      const sum = Number(at(input.key).value ?? '0') + input.by
      if (Number.isNaN(sum) || (answer.number !== undefined && answer.number !== sum)) return null
      return write([[input.key, String(sum)]])
    }
    case 'cas': {
      const matches = meets(input.key, input.expect)
      if (!isOpen && answer.matched !== matches) return null
      if (matches) return write([[input.key, input.value]])
      return answer.current === undefined || shows(input.key, answer.current) ? store : null
    }
    case 'txn': {
      const matches = input.compares.every(({ key, expect }) => meets(key, expect))
      if (!isOpen && answer.applied !== matches) return null
      if (!isOpen && !input.reads.every((key, i) => shows(key, answer.reads?.[i] ?? null))) return null
      return matches ? write(input.writes.map(({ key, value }) => [key, value])) : store
    }
  }
}
