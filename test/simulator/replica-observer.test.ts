import { expect, test } from 'vitest'
import { MemoryStore } from '../../chain/memory-store.ts'
import { createReplica } from '../../chain/state.ts'
import { ReplicaObserver } from '../../lab/simulator/observer/replica-observer.ts'
import type { ChainConfig } from '../../protocol/chain-config.ts'
import { asChainId, asEpoch, asIncarnation, asMillis, asSeq, asServerId } from '../../protocol/ids.ts'

const CHAIN = asChainId('c0')

const config = (names: string, epoch = 1): ChainConfig => ({
  chain: CHAIN,
  epoch: asEpoch(epoch),
  members: names.split(' ').map((name) => ({
    server: asServerId(name.replace('-', '')),
    incarnation: asIncarnation(1),
    serving: true,
    leaving: name.endsWith('-'),
  })),
  joining: null,
  slots: [[0, 16_383]],
})

/** n2, the tail of two, and what is known of its chain. */
function world() {
  const replica = createReplica({
    chain: CHAIN,
    self: asServerId('n2'),
    incarnation: asIncarnation(1),
    store: new MemoryStore(),
  })
  replica.config = config('n1 n2')
  replica.serving = true
  const server = { name: 'n2', replicas: new Map([[CHAIN, replica]]), nowMs: () => 1_000 }
  const known = { committed: 0, config: replica.config }
  const observer = new ReplicaObserver(
    { coordinators: [], servers: [server] },
    { committed: () => known.committed, config: () => known.config },
  )
  observer.onServerRenewed('n2', 1_000)
  observer.look(server)
  return { replica, server, known, observer, look: () => observer.look(server) }
}

test('a lease that counts from the reply ends too late', () => {
  const { replica, look } = world()
  replica.leaseUntil = asMillis(1_900)
  expect(look).not.toThrow()
  replica.leaseUntil = asMillis(1_950)
  expect(look).toThrow(/ReadUnderLease.*lease ends at 1950/)
})

test('a tail names a commit point under its lease, and not while it leaves', () => {
  const { replica, observer } = world()
  replica.nowMs = asMillis(1_000)
  expect(() => observer.versionAnswered(replica, 1)).toThrow(/ReadUnderLease.*without a lease/)
  replica.leaseUntil = asMillis(1_500)
  expect(() => observer.versionAnswered(replica, 1)).not.toThrow()
  replica.config = config('n1 n2-', 2)
  expect(() => observer.versionAnswered(replica, 2)).toThrow(/ReadUnderLease.*leaves/)
})

test('who is dropped has stopped answering before', () => {
  const { replica, observer } = world()
  replica.leaseUntil = asMillis(1_500)
  expect(() => observer.onConfig(config('n1 n2'), config('n1', 2))).toThrow(/ReadUnderLease.*still answers/)
  replica.leaseUntil = asMillis(1_000)
  expect(() => observer.onConfig(config('n1 n2'), config('n1', 2))).not.toThrow()
})

test('an heir knows of all that was shown', () => {
  const { replica, known, look } = world()
  replica.walDurable = asSeq(0)
  known.committed = 1
  expect(look).toThrow(/CleanMeansCommitted.*knows only 0/)
  replica.upstreamDurable = replica.walDurable = asSeq(1)
  expect(look).not.toThrow()
})

test('who serves is named by its configuration', () => {
  const { replica, look } = world()
  replica.incarnation = asIncarnation(2)
  expect(look).toThrow(/HandoffBeforeServing.*life 2/)
})

test('no read joins a question in flight', () => {
  const { replica, look } = world()
  const read = (since: number) => ({ request: 1, command: {}, options: {}, since }) as never
  replica.question = { id: 1, kind: 'version', askedAt: asMillis(5), reads: [read(5)] }
  expect(look).not.toThrow()
  replica.question = { id: 1, kind: 'version', askedAt: asMillis(5), reads: [read(5), read(6)] }
  expect(look).toThrow(/a read of 6 ms waits/)
})
