import { expect, test } from 'vitest'
import { SESSION_TIMEOUT_MS, SmallWorld } from './small-world.ts'

test('a session is opened although each member takes longer than its share of the session timeout', async () => {
  const world = new SmallWorld(1, { members: 3 })
  await world.seconds(5)
  const names = world.coordinators.map(({ process }) => process.name)
  for (const name of names) {
    world.network.slow('client-1', name, FACTOR)
    world.network.slow(name, 'client-1', FACTOR)
  }
  const { client } = world.startSession('client-1')
  await world.seconds(1)
  expect(client.state).toBe('connecting')
  await world.seconds((10 * SESSION_TIMEOUT_MS) / 1000)
  expect(client.state).toBe('connected')
})

/** To connect and to be let in take two ways there and two back: a second or two. */
const FACTOR = 1_400
