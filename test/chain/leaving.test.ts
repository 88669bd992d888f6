import { expect, test } from 'vitest'
import { asEpoch, asIncarnation, asServerId } from '../../protocol/ids.ts'
import { ChainWorld } from '../support/chain-world.ts'

test('a member that is asked to leave before it serves stays with that it has left', () => {
  const world = new ChainWorld({ seed: 1, servers: 4, members: 3 })
  const settle = () => {
    for (const server of world.servers) world.tellConfig(server)
    for (let i = 0; i < 30; i++) {
      for (const link of world.busyLinks()) world.turn(link.to, world.take(link, 99))
      for (const server of world.servers) {
        world.sync(server)
        while (server.synced.length > 0) world.tellSynced(server)
      }
    }
  }
  const publish = (change: Partial<typeof world.config>) =>
    world.publish({ ...world.config, ...change, epoch: asEpoch(world.config.epoch + 1) })
  const newcomer = { server: asServerId('n4'), incarnation: asIncarnation(1) }
  settle()
  publish({ joining: newcomer })
  settle()
  publish({
    joining: null,
    members: [...world.config.members, { ...newcomer, serving: false, leaving: true }],
  })
  settle()
  const replica = world.servers[3]?.replica
  expect(replica?.upstream?.handsOff).toBe(true)
  expect(replica?.reportState).toBe('left')
  expect(replica?.serving).toBe(false)
})
