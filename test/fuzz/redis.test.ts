import { expect, test } from 'vitest'
import { fuzzRedis } from '../../lab/fuzz/redis/fuzz-redis.ts'

test('the Redis door: some thousand hostile inputs (`npm run fuzz:redis` for a million)', async () => {
  const { refused, witnessCalls } = await fuzzRedis({ seed: 7, inputs: 2500 })
  expect(refused).toBeGreaterThan(0)
  expect(witnessCalls).toBeGreaterThan(0)
})
