import { afterAll, beforeAll, expect, test } from 'vitest'
import { type NatsServer, startNatsServer } from '../../support/nats-server.ts'
import { Ensemble } from './ensemble.ts'

let nats: NatsServer
let ensemble: Ensemble
beforeAll(async () => {
  nats = await startNatsServer()
  ensemble = await Ensemble.start(3, { transport: nats.url })
})
afterAll(async () => {
  await ensemble.stop()
  await nats.dispose()
})

test('three members over nats elect, replicate and outlive a stop of the leader', async () => {
  const leader = await ensemble.leader()
  const client = await ensemble.connect(await ensemble.follower())
  await client.create('/over-nats', 'a')
  const replies = await Promise.all(
    Array.from({ length: 200 }, (_, n) => client.set('/over-nats', String(n))),
  )
  expect(replies.every(({ err }) => err === 0)).toBe(true)
  await ensemble.down(leader)
  const other = await ensemble.connect(await ensemble.leader())
  await other.sync()
  expect(await other.get('/over-nats')).toBe('199')
})
