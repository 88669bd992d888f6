import { expect, test } from 'vitest'
import { fuzzNative } from '../../lab/fuzz/native/fuzz-native.ts'
import { startSoloTarget } from '../../lab/fuzz/native/solo-target.ts'

// `npm run fuzz:native -- --inputs 1000000 --seed N` is the long form, against processes.
test('hostile connections harm neither the native port, the peer port, the http door nor another client', async () => {
  const target = await startSoloTarget({ secret: null })
  try {
    const native = await fuzzNative(target, { seed: 7, doors: 'native', mutated: 1500 })
    expect(native.refused).toBeGreaterThan(100)
    expect(native.explained).toBe(native.refused)
    expect(native.witnessCalls).toBeGreaterThan(5)
    const http = await fuzzNative(target, { seed: 7, doors: 'http', mutated: 150 })
    expect(http.refused).toBeGreaterThan(50)
  } finally {
    await target.close()
  }
}, 60_000)

test('where a proof is asked for, nobody without one gets a body through', async () => {
  const target = await startSoloTarget({ secret: 'a secret of thirty-two characters' })
  try {
    const { refused, explained } = await fuzzNative(target, { seed: 8, doors: 'native', mutated: 300 })
    expect(refused).toBeGreaterThan(100)
    expect(explained).toBe(refused)
  } finally {
    await target.close()
  }
}, 60_000)
