import { expect, test } from 'vitest'
import { fuzzRound } from '../../lab/fuzz/fuzz-round.ts'

// `npm run fuzz:zookeeper -- --frames 1000000 --seed N` is the long form.
test('20,000 changed frames of all operations harm neither the member nor another client', async () => {
  const { taken, answers } = await fuzzRound({ seed: 1, frames: 20_000 })
  expect(taken).toBeGreaterThanOrEqual(20_000)
  expect(answers).toBeGreaterThan(10_000)
}, 60_000)
