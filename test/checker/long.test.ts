import { expect, test } from 'vitest'
import { check } from '../../lab/checker/check.ts'
import type { KvInput, KvOutput } from '../../lab/checker/operations.ts'
import { historyOf, op } from './histories.ts'

const CLIENTS = 10

/** Ten clients on one key of a correct store for long, some of whose writes were never answered. */
function longHistory(count: number, wrongAt: number | null) {
  let bits = 1
  const random = () => {
    bits = (Math.imul(bits, 1664525) + 1013904223) | 0
    return (bits >>> 0) / 2 ** 32
  }
  const free = new Float64Array(CLIENTS)
  const planned = Array.from({ length: count }, (_, i) => {
    const client = i % CLIENTS
    const call = (free[client] ?? 0) + random()
    const end = call + random() * 5
    free[client] = end
    return {
      client,
      call,
      end,
      at: call + random() * (end - call),
      isWrite: random() < 0.4,
      isOpen: random() < 0.01,
    }
  }).sort((a, b) => a.at - b.at)
  let [value, version] = ['none', 0]
  const first = op<KvInput, KvOutput>('first', -2, -1, { f: 'put', key: 'k', value }, { version: ++version })
  const others = planned.map(({ client, call, end, isWrite, isOpen }, i) => {
    const who = `p${client}`
    if (!isWrite) {
      const shown = wrongAt !== null && i >= wrongAt ? { value: 'none', version: 1 } : { value, version }
      return op<KvInput, KvOutput>(who, call, end, { f: 'get', key: 'k' }, { found: shown })
    }
    value = `v${i}`
    version++
    const input: KvInput = { f: 'put', key: 'k', value }
    return isOpen
      ? op<KvInput, KvOutput>(`${who}-${i}`, call, end, input)
      : op(who, call, end, input, { version })
  })
  return historyOf([first, ...others])
}

test.each([
  ['right', null, 'linearizable'],
  ['wrong at the end', 4900, 'not-linearizable'],
] as const)('5,000 operations of ten clients on one key: %s', (_, wrongAt, expected) => {
  const { judgement, parts } = check(longHistory(5000, wrongAt), { model: 'key-value' })
  expect(judgement).toBe(expected)
  if (wrongAt !== null) expect(parts[0]?.smallest?.length).toBeLessThan(10)
})
