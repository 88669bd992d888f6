import { expect, test } from 'vitest'
import { fuzzNative } from '../../lab/fuzz/native/fuzz-native.ts'
import { startSoloTarget } from '../../lab/fuzz/native/solo-target.ts'

// `npm run fuzz:native -- --inputs 1000000 --seed N` is the long form, against processes.
test('hostile connections harm neither the native port, the peer port, the http door nor another client', async () => {
  const target = await startSoloTarget()
  try {
    const native = await fuzzNative(target, { seed: 7, doors: 'native', mutated: 2000 })
    expect(native.refused).toBeGreaterThan(100)
    expect(native.explained).toBe(native.refused)
    expect(native.witnessCalls).toBeGreaterThan(10)
    const http = await fuzzNative(target, { seed: 7, doors: 'http', mutated: 300 })
    expect(http.refused).toBeGreaterThan(50)
  } finally {
    await target.close()
  }
}, 60_000)
