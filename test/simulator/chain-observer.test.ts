import { describe, expect, test } from 'vitest'
import { MemoryStore } from '../../chain/memory-store.ts'
import { createReplica, type Replica } from '../../chain/state.ts'
import { ChainObserver } from '../../lab/simulator/observer/chain-observer.ts'
import type { ObserverOptions } from '../../lab/simulator/observer/sight.ts'
import type { ChainConfig } from '../../protocol/chain-config.ts'
import type { Entry } from '../../protocol/entry.ts'
import {
  asChainId,
  asEpoch,
  asIncarnation,
  asKey,
  asMillis,
  asRequestNumber,
  asSeq,
  asServerId,
  asSessionId,
} from '../../protocol/ids.ts'

const CHAIN = asChainId('c0')

function config(epoch: number, members: string): ChainConfig {
  return {
    chain: CHAIN,
    epoch: asEpoch(epoch),
    members: members.split(' ').map((word) => ({
      server: asServerId(/^[a-z0-9]+/.exec(word)?.[0] ?? ''),
      incarnation: asIncarnation(Number(/\/(\d+)/.exec(word)?.[1] ?? 1)),
      serving: !word.includes('*'),
      leaving: word.includes('-'),
    })),
    joining: null,
    slots: [[0, 16_383]],
  }
}

const entry = (seq: number, epoch = 1, text = `v${seq}`, request = seq): Entry => ({
  epoch: asEpoch(epoch),
  seq: asSeq(seq),
  origin: {
    session: asSessionId(1),
    requestNumber: asRequestNumber(request),
    answeredBelow: asRequestNumber(0),
    result: { type: 'written', version: asSeq(seq) } as never,
  },
  writes: [{ key: asKey('k'), value: new TextEncoder().encode(text), expiresAtWallMs: asMillis(0) }],
  sessions: null,
})

/** Real replicas, whose state is set by hand. */
class World {
  readonly replicas = new Map<string, Replica>()
  readonly observer: ChainObserver
  nowMs = 1_000
  #newest: ChainConfig | null = null

  constructor(options: ObserverOptions = {}) {
    const servers = ['n1', 'n2', 'n3'].map((name) => {
      this.replicas.set(name, this.newReplica(name))
      const replica = () => this.replicas.get(name)
      return {
        name,
        get replicas() {
          const one = replica()
          return one === undefined ? null : new Map([[CHAIN, one]])
        },
        nowMs: () => this.nowMs,
      }
    })
    this.observer = new ChainObserver({ coordinators: [], servers }, options)
    this.#look = (name) => {
      const server = servers.find((one) => one.name === name)
      if (server !== undefined) this.observer.look(server)
    }
  }

  readonly #look: (name: string) => void

  newReplica(name: string, incarnation = 1): Replica {
    return createReplica({
      chain: CHAIN,
      self: asServerId(name),
      incarnation: asIncarnation(incarnation),
      store: new MemoryStore(),
    })
  }

  at(name: string): Replica {
    return this.replicas.get(name) as Replica
  }

  look(...names: string[]): void {
    for (const name of names) this.#look(name)
  }

  publish(next: ChainConfig): ChainConfig {
    this.observer.onConfig(this.#newest, next)
    this.#newest = next
    return next
  }

  /** Everybody has adopted it; those marked as serving serve. */
  adopt(next: ChainConfig, ...names: string[]): void {
    for (const name of names) {
      const replica = this.at(name)
      replica.config = next
      replica.serving = next.members.some(({ server, serving }) => server === name && serving)
      this.look(name)
    }
  }

  hold(name: string, ...entries: Entry[]): void {
    const replica = this.at(name)
    for (const one of entries) replica.log.push(one, asMillis(0))
    replica.walDurable = replica.log.last
  }

  commit(name: string): void {
    const replica = this.at(name)
    while (replica.log.commit.seq < replica.log.last) replica.store.apply(replica.log.commitNext())
    this.look(name)
  }

  /** A chain of three that has committed one entry everywhere. */
  static whole(options: ObserverOptions = {}): World {
    const world = new World(options)
    world.adopt(world.publish(config(1, 'n1 n2 n3')), 'n1', 'n2', 'n3')
    for (const name of ['n1', 'n2', 'n3']) world.hold(name, entry(1))
    for (const name of ['n3', 'n2', 'n1']) world.commit(name)
    return world
  }
}

describe('one chain, over all replicas and all time', () => {
  test('accepts an ordinary story: committed from tail to head, a death, a rejoin', () => {
    const world = World.whole()
    world.replicas.delete('n3')
    world.adopt(world.publish(config(2, 'n1 n2')), 'n1', 'n2')
    for (const name of ['n1', 'n2']) world.hold(name, entry(2, 2))
    for (const name of ['n2', 'n1']) world.commit(name)
    world.replicas.set('n3', world.newReplica('n3', 2))
    world.adopt(world.publish(config(3, 'n1 n2 n3/2*')), 'n1', 'n2', 'n3')
    world.hold('n3', entry(1), entry(2, 2))
    world.commit('n3')
    world.at('n3').serving = true
    world.look('n3')
    world.adopt(world.publish(config(4, 'n1 n2 n3/2')), 'n1', 'n2', 'n3')
    world.observer.check()
    expect(world.observer.committed('c0').last).toBe(2)
  })

  test('CleanMeansCommitted: another entry is called committed under the same seq', () => {
    const world = World.whole()
    world.hold('n1', entry(2))
    world.hold('n2', entry(2))
    world.hold('n3', entry(2))
    world.commit('n3')
    world.replicas.set('n2', world.newReplica('n2', 2))
    world.hold('n2', entry(1), entry(2, 7))
    expect(() => world.commit('n2')).toThrow(/CleanMeansCommitted.*n2.*epoch 7 committed.*epoch 1/)
  })

  test('CleanMeansCommitted: the same entry with another value', () => {
    const world = World.whole()
    world.replicas.set('n2', world.newReplica('n2', 2))
    world.hold('n2', entry(1, 1, 'forged'))
    expect(() => world.commit('n2')).toThrow(/CleanMeansCommitted.*n2/)
  })

  test('CleanMeansCommitted: somebody else than the tail commits first', () => {
    const world = World.whole()
    for (const name of ['n1', 'n2', 'n3']) world.hold(name, entry(2))
    expect(() => world.commit('n2')).toThrow(/CleanMeansCommitted.*n2.*no serving tail of c0@1/)
  })

  test('CleanMeansCommitted: what was committed is taken back', () => {
    const world = World.whole()
    const { log } = world.at('n2')
    log.reset({ epoch: asEpoch(0), seq: asSeq(0) })
    expect(() => world.look('n2')).toThrow(/CleanMeansCommitted.*n2.*commit 0 after 1/)
  })

  test('CleanMeansCommitted: a clean store that differs is found by the slow check', () => {
    const world = World.whole()
    world.observer.check()
    world.at('n2').store.putSnapshotItem({
      key: asKey('k'),
      value: new Uint8Array([1]),
      version: asSeq(9),
      expiresAtWallMs: asMillis(0),
    })
    expect(() => world.observer.check()).toThrow(/CleanMeansCommitted.*n2.*"k" differs/)
  })

  test('CleanMeansCommitted: a new tail knows less than the dead one has shown', () => {
    const world = World.whole()
    for (const name of ['n1', 'n2', 'n3']) world.hold(name, entry(2))
    world.commit('n3')
    world.replicas.delete('n3')
    const next = world.publish(config(2, 'n1 n2'))
    expect(() => world.adopt(next, 'n2')).toThrow(
      /CleanMeansCommitted.*n2.*tail of c0@2.*commit 1; committed is up to 2/,
    )
    world.commit('n2')
    expect(() => world.adopt(next, 'n1', 'n2')).not.toThrow()
  })

  test('AckAfterDurable: a member above has not synced it', () => {
    const world = World.whole()
    for (const name of ['n1', 'n2', 'n3']) world.hold(name, entry(2))
    world.at('n1').walDurable = asSeq(1)
    expect(() => world.commit('n3')).toThrow(/AckAfterDurable.*n3.*n1 might lose it/)
  })

  test('AckAfterDurable: a member that is down lost it with its cache', () => {
    const world = World.whole()
    for (const name of ['n1', 'n2', 'n3']) world.hold(name, entry(2))
    world.at('n2').walDurable = asSeq(1)
    world.look('n2')
    world.replicas.delete('n2')
    expect(() => world.commit('n3')).toThrow(/AckAfterDurable.*n2 might lose it/)
  })

  test('AckAfterDurable is not promised without sync', () => {
    const world = World.whole({ durability: 'memory' })
    for (const name of ['n1', 'n2', 'n3']) world.hold(name, entry(2))
    world.at('n1').walDurable = asSeq(1)
    expect(() => world.commit('n3')).not.toThrow()
  })

  test('ExactlyOnce: one request takes effect twice', () => {
    const world = World.whole()
    for (const name of ['n1', 'n2', 'n3']) world.hold(name, entry(2, 1, 'again', 1))
    expect(() => world.commit('n3')).toThrow(
      /ExactlyOnce.*request 1 of session 1 took effect at 1 and again at 2/,
    )
  })

  test('UpdatePropagation: a successor holds what its predecessor does not', () => {
    const world = World.whole()
    world.hold('n2', entry(2))
    expect(() => world.look('n2')).toThrow(/UpdatePropagation.*n2.*1\/2.*n1/)
  })

  test('UpdatePropagation: an old epoch commits what a serving newcomer lacks', () => {
    const world = new World()
    world.adopt(world.publish(config(1, 'n1')), 'n1')
    world.hold('n1', entry(1))
    world.commit('n1')
    const two = world.publish(config(2, 'n1 n2*'))
    world.hold('n2', entry(1))
    world.commit('n2')
    world.adopt(two, 'n2')
    world.at('n2').serving = true
    world.look('n2')
    // Cut off, n1 still believes that it is alone.
    world.hold('n1', entry(2))
    expect(() => world.commit('n1')).toThrow(/UpdatePropagation.*n1.*commits 2 of epoch 1, which n2 lacks/)
  })

  test('InprocessRequests: a successor holds more than was sent to it', () => {
    const world = World.whole()
    const link = (attempt: number) => ({ attempt, incarnation: asIncarnation(1) })
    world.at('n1').downstream = {
      ...link(4),
      server: asServerId('n2'),
      sent: asSeq(1),
      received: asSeq(1),
    } as never
    world.at('n2').upstream = { ...link(4), server: asServerId('n1'), linked: true } as never
    expect(() => world.look('n1', 'n2')).not.toThrow()
    world.hold('n1', entry(2))
    world.hold('n2', entry(2))
    expect(() => world.look('n2')).toThrow(/InprocessRequests.*n1 to n2.*held 2 <= sent 1/)
  })

  test('EpochFence: a replica goes back, or obeys what nobody committed', () => {
    const world = World.whole()
    world.at('n1').config = config(2, 'n1 n2')
    expect(() => world.look('n1')).toThrow(/EpochFence.*n1.*committed is nothing/)
    world.publish(config(2, 'n1 n2'))
    world.look('n1')
    world.at('n1').config = config(1, 'n1 n2 n3')
    expect(() => world.look('n1')).toThrow(/EpochFence.*c0@1.*after c0@2/)
    world.at('n2').config = config(2, 'n2')
    expect(() => world.look('n2')).toThrow(/EpochFence.*n2.*committed is c0@2: n1\/1 -> n2\/1/)
  })

  test('HandoffBeforeServing: who begins to serve lacks what is committed', () => {
    const world = World.whole()
    world.replicas.set('n3', world.newReplica('n3', 2))
    world.publish(config(2, 'n1 n2'))
    const next = world.publish(config(3, 'n1 n2 n3/2*'))
    world.adopt(next, 'n1', 'n2', 'n3')
    world.at('n3').serving = true
    expect(() => world.look('n3')).toThrow(/HandoffBeforeServing.*n3.*0 durable of 0; committed is up to 1/)
    world.hold('n3', entry(1))
    world.at('n3').walDurable = asSeq(0)
    expect(() => world.look('n3')).toThrow(/HandoffBeforeServing.*n3.*0 durable of 1/)
    world.at('n3').walDurable = asSeq(1)
    expect(() => world.commit('n3')).not.toThrow()
  })

  test('an override may lose what is committed, once', () => {
    const world = World.whole()
    world.observer.overridden('c0')
    world.replicas.set('n3', world.newReplica('n3', 2))
    world.adopt(world.publish(config(9, 'n3/2')), 'n3')
    expect(world.observer.committed('c0').last).toBe(0)
    world.replicas.set('n2', world.newReplica('n2', 2))
    expect(() => world.publish(config(12, 'n2/2'))).toThrow(/EpochFence/)
  })
})

describe('leases', () => {
  test('ReadUnderLease: a life that was dropped answers a strong read by itself', () => {
    const world = World.whole()
    world.at('n3').counters.localReads++
    world.look('n3')
    world.publish(config(2, 'n1 n2'))
    world.look('n3')
    world.at('n3').counters.localReads++
    expect(() => world.look('n3')).toThrow(/ReadUnderLease.*n3.*life 1 answers strong reads.*c0@2/)
  })

  test('ReadUnderLease: so it does with what a tail told it', () => {
    const world = World.whole()
    const read = { request: 1, command: {}, options: {}, since: 0 } as never
    world.at('n2').question = { id: 1, kind: 'version', askedAt: asMillis(0), reads: [read] }
    world.look('n2')
    world.publish(config(2, 'n1 n3'))
    world.at('n2').question = null
    world.at('n2').waitingReads = [read]
    expect(() => world.look('n2')).not.toThrow()
    world.at('n2').question = { id: 2, kind: 'version', askedAt: asMillis(0), reads: [read] }
    world.at('n2').waitingReads = []
    world.look('n2')
    world.at('n2').question = null
    expect(() => world.look('n2')).toThrow(/ReadUnderLease.*n2/)
  })

  test('a barrier needs no lease', () => {
    const world = World.whole()
    const read = { request: 1, command: {}, options: {}, since: 0 } as never
    world.at('n2').question = { id: 1, kind: 'barrier', askedAt: asMillis(0), reads: [read] }
    world.look('n2')
    world.publish(config(2, 'n1 n3'))
    world.at('n2').question = null
    expect(() => world.look('n2')).not.toThrow()
  })

  test('ReadUnderLease: a dropped tail answers a version query', () => {
    const world = World.whole()
    expect(() => world.observer.versionAnswered(world.at('n3'))).not.toThrow()
    world.publish(config(2, 'n1 n2'))
    expect(() => world.observer.versionAnswered(world.at('n3'))).toThrow(/ReadUnderLease.*n3.*version query/)
  })

  test('ReadUnderLease: a session ends while the lease lives', () => {
    const expired = { server: asServerId('n3'), incarnation: asIncarnation(1) } as never
    const world = World.whole()
    world.at('n3').leaseUntil = asMillis(1_000)
    expect(() => world.observer.onServerExpired(expired)).not.toThrow()
    world.at('n3').leaseUntil = asMillis(1_400)
    expect(() => world.observer.onServerExpired(expired)).toThrow(/ReadUnderLease.*n3.*another 400 ms/)
    const drifting = World.whole({ leasesHold: false })
    drifting.at('n3').leaseUntil = asMillis(1_400)
    expect(() => drifting.observer.onServerExpired(expired)).not.toThrow()
  })
})
