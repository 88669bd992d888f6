import { describe, expect, test } from 'vitest'
import type { ReplicaEvent } from '../../chain/events.ts'
import { predecessorOf, successorOf } from '../../protocol/chain-config.ts'
import type { ChainMessage } from '../../protocol/chain-messages.ts'
import {
  asEpoch,
  asIncarnation,
  asKey,
  asMillis,
  asSeq,
  asServerId,
  type ServerId,
} from '../../protocol/ids.ts'
import { type ChainServer, ChainWorld, type Effect } from '../support/chain-world.ts'

/** What a replica can be. A new role, event or message does not compile until every row and column has it. */
type Role = 'stranger' | 'joiner' | 'waiting' | 'head' | 'middle' | 'tail' | 'only' | 'retired'
type EventType = Exclude<ReplicaEvent['type'], 'message' | 'flush'> | ChainMessage['type']
/** Effects of the event and the flush behind it; `-` = none. */
type Expected = string

/** Four servers; n1, n2 and n3 are members, entry 1 is committed, entry 2 is dirty everywhere. */
function worldOf(role: Role): { world: ChainWorld; server: ChainServer } {
  const only = role === 'only'
  const world = new ChainWorld({ seed: 1, servers: 4, members: only ? 1 : 3 })
  const server = (index: number) => world.servers[index] as ChainServer
  const settle = () => {
    for (let i = 0; i < 30; i++) {
      for (const link of world.busyLinks()) world.turn(link.to, world.take(link, 99))
      for (const each of world.servers) {
        world.sync(each)
        while (each.synced.length > 0) world.tellSynced(each)
      }
    }
  }
  const put = (value: number) => {
    const command = {
      type: 'put',
      key: asKey('a'),
      value: Uint8Array.of(value),
      expiry: { type: 'keep' },
      condition: null,
    } as const
    world.turn(server(0), [{ type: 'write', request: world.nextRequest(), identity: null, command }])
  }
  const publish = (change: Partial<typeof world.config>) =>
    world.publish({ ...world.config, ...change, epoch: asEpoch(world.config.epoch + 1) })
  for (const each of world.servers) world.tellConfig(each)
  settle()
  put(1)
  settle()
  if (role === 'joiner' || role === 'waiting') {
    publish({ joining: { server: asServerId('n4'), incarnation: asIncarnation(1) } })
    for (const each of world.servers) world.tellConfig(each)
    settle()
  }
  if (role === 'waiting') {
    const member = { server: asServerId('n4'), incarnation: asIncarnation(1), serving: false, leaving: false }
    publish({ joining: null, members: [...world.config.members, member] })
    world.tellConfig(server(3))
  }
  put(2)
  for (let i = 0; i < 5; i++) for (const link of world.busyLinks()) world.turn(link.to, world.take(link, 99))
  const self = { stranger: 3, joiner: 3, waiting: 3, head: 0, middle: 1, tail: 2, only: 0, retired: 1 }[role]
  if (role === 'retired') {
    world.lapseLease(server(1))
    world.expireSession(server(1))
    world.tellSessionLost(server(1))
  }
  return { world, server: server(self) }
}

function eventOf(
  type: EventType,
  { world, server }: { world: ChainWorld; server: ChainServer },
): ReplicaEvent {
  const { replica } = server
  if (replica === null || replica.config === null) throw new Error('the replica has a configuration')
  const { config, log } = replica
  const epoch = config.epoch
  const above = predecessorOf(config, server.id)?.server ?? replica.upstream?.server ?? asServerId('n1')
  const below = successorOf(config, server.id)?.server ?? config.joining?.server ?? asServerId('n4')
  const up = replica.upstream?.attempt ?? 1
  const down = replica.downstream?.attempt ?? 1
  const message = (from: ServerId, content: ChainMessage): ReplicaEvent => ({
    type: 'message',
    from,
    message: content,
  })
  const next = { ...config, epoch: asEpoch(epoch + 1) }
  const request = world.nextRequest()
  switch (type) {
    case 'clock':
      return { type, nowMs: asMillis(world.nowMs), wallMs: asMillis(1) }
    case 'tick':
    case 'store-flushed':
    case 'session-lost':
      return { type }
    case 'write': {
      const command = { type: 'delete', key: asKey('a'), condition: null } as const
      return { type, request, identity: null, command }
    }
    case 'read': {
      const options = { consistency: { type: 'strong' }, atLeast: asSeq(0) } as const
      return { type, request, command: { type: 'get', keys: [asKey('a')] }, options }
    }
    case 'changes': {
      const command = { type, prefix: asKey(''), after: null, limit: 1, waitMs: asMillis(0) } as const
      return { type, request, command }
    }
    case 'durable':
      return { type, position: log.lastPosition, rewrites: replica.rewrites }
    case 'config':
      return { type, config: next }
    case 'lease':
      return { type, untilMs: asMillis(0) }
    case 'incarnation':
      return { type, incarnation: asIncarnation(9) }
    case 'peer-down':
      return { type, server: above }
    case 'storage-failed':
      return { type, reason: 'full' }
    case 'link-request': {
      const last = { epoch: asEpoch(1), seq: asSeq(1) }
      const incarnation = asIncarnation(1)
      return message(below, { type, epoch, incarnation, attempt: down + 1, last, commit: last, transfer: 0 })
    }
    case 'link-accept': {
      const link = { attempt: up, from: log.lastPosition, transfer: 0, last: log.last, serving: true }
      return message(above, { type, epoch, incarnation: asIncarnation(1), ...link })
    }
    case 'append': {
      const news = { upstreamDurable: log.last, commit: log.commit.seq, sentAt: asMillis(0) }
      return message(above, { type, epoch, attempt: up, previous: log.lastPosition, entries: [], ...news })
    }
    case 'ack':
      return message(below, {
        type,
        epoch,
        attempt: down,
        commit: log.commit.seq,
        received: asSeq(1),
        echo: asMillis(0),
      })
    case 'snapshot-page': {
      const page = { page: 0, items: [], sessions: [], done: true, upTo: log.commit.seq }
      return message(above, { type, epoch, attempt: up, ...page })
    }
    case 'snapshot-ack':
      return message(below, { type, epoch, attempt: down, page: 0 })
    case 'version-query':
      return message(asServerId('n1'), { type, epoch, query: 7 })
    case 'version-reply':
      return message(asServerId('n3'), { type, epoch, query: 7, commit: asSeq(1) })
    case 'barrier':
      return message(above, { type, epoch, query: 7, origin: 'n2' })
    case 'barrier-reply':
      return message(asServerId('n3'), { type, epoch, query: 7, commit: asSeq(1) })
    case 'config-request':
      return message(above, { type, epoch: asEpoch(0) })
    case 'other':
      return message(above, { type, epoch, body: new Uint8Array(3) })
  }
}

function summary(effect: Effect): string {
  switch (effect.type) {
    case 'persist':
      return `persist:${effect.record.type}`
    case 'send':
      return `${effect.message.type}:${effect.to}`
    case 'reply':
      return `answer:${effect.result.type === 'failure' ? effect.result.code : effect.result.type}`
    case 'report':
      return `report:${effect.report.state}`
    case 'flush-store':
      return effect.type
  }
}

function outcome(role: Role, type: EventType): Expected {
  const { world, server } = worldOf(role)
  const effects: string[] = []
  const event = eventOf(type, { world, server })
  world.onEffect = (_, effect) => effects.push(summary(effect))
  world.turn(server, [event])
  return effects.length === 0 ? '-' : effects.join(' ')
}

const TABLE: Record<Role, Record<EventType, Expected>> = {
  stranger: {
    clock: '-',
    tick: '-',
    read: 'answer:NOT_SERVING',
    changes: 'answer:NOT_SERVING',
    write: 'answer:NOT_HEAD',
    durable: '-',
    'store-flushed': '-',
    config: '-',
    lease: '-',
    'session-lost': '-',
    incarnation: '-',
    'peer-down': '-',
    'storage-failed': '-',
    'link-request': '-',
    'link-accept': '-',
    append: '-',
    ack: '-',
    'snapshot-page': '-',
    'snapshot-ack': '-',
    'version-query': '-',
    'version-reply': '-',
    barrier: '-',
    'barrier-reply': '-',
    'config-request': 'config:n1',
    other: '-',
  },
  joiner: {
    clock: '-',
    tick: '-',
    read: 'answer:NOT_SERVING',
    changes: 'answer:NOT_SERVING',
    write: 'answer:NOT_HEAD',
    durable: '-',
    'store-flushed': '-',
    config: 'link-request:n3 report:member',
    lease: '-',
    'session-lost': '-',
    incarnation: '-',
    'peer-down': 'link-request:n3',
    'storage-failed': '-',
    'link-request': '-',
    'link-accept': '-',
    append: '-',
    ack: '-',
    'snapshot-page': '-',
    'snapshot-ack': '-',
    'version-query': '-',
    'version-reply': '-',
    barrier: '-',
    'barrier-reply': '-',
    'config-request': 'config:n3',
    other: '-',
  },
  waiting: {
    clock: '-',
    tick: '-',
    read: 'answer:NOT_SERVING',
    changes: 'answer:NOT_SERVING',
    write: 'answer:NOT_HEAD',
    durable: '-',
    'store-flushed': '-',
    config: 'link-request:n3 report:member',
    lease: '-',
    'session-lost': '-',
    incarnation: '-',
    'peer-down': '-',
    'storage-failed': '-',
    'link-request': '-',
    'link-accept': 'ack:n3',
    append: '-',
    ack: '-',
    'snapshot-page': '-',
    'snapshot-ack': '-',
    'version-query': 'version-reply:n1',
    'version-reply': '-',
    barrier: '-',
    'barrier-reply': '-',
    'config-request': 'config:n3',
    other: '-',
  },
  head: {
    clock: '-',
    tick: '-',
    read: 'version-query:n3',
    changes: 'answer:changes',
    write: 'persist:entry append:n2',
    durable: 'append:n2',
    'store-flushed': '-',
    config: 'report:member',
    lease: '-',
    'session-lost': 'answer:CONNECTION_LOST',
    incarnation: 'answer:CONNECTION_LOST',
    'peer-down': '-',
    'storage-failed': 'answer:CONNECTION_LOST',
    'link-request': 'link-accept:n2 append:n2',
    'link-accept': '-',
    append: '-',
    ack: '-',
    'snapshot-page': '-',
    'snapshot-ack': '-',
    'version-query': '-',
    'version-reply': '-',
    barrier: 'barrier:n2',
    'barrier-reply': '-',
    'config-request': 'config:n1',
    other: '-',
  },
  middle: {
    clock: '-',
    tick: '-',
    read: 'version-query:n3',
    changes: 'answer:changes',
    write: 'answer:NOT_HEAD',
    durable: '-',
    'store-flushed': '-',
    config: 'report:member',
    lease: '-',
    'session-lost': '-',
    incarnation: '-',
    'peer-down': 'link-request:n1',
    'storage-failed': '-',
    'link-request': 'link-accept:n3 append:n3',
    'link-accept': '-',
    append: '-',
    ack: '-',
    'snapshot-page': '-',
    'snapshot-ack': '-',
    'version-query': '-',
    'version-reply': '-',
    barrier: 'barrier:n3',
    'barrier-reply': '-',
    'config-request': 'config:n1',
    other: '-',
  },
  tail: {
    clock: '-',
    tick: '-',
    read: 'answer:values',
    changes: 'answer:changes',
    write: 'answer:NOT_HEAD',
    durable: '-',
    'store-flushed': '-',
    config: 'report:member',
    lease: '-',
    'session-lost': '-',
    incarnation: '-',
    'peer-down': 'link-request:n2',
    'storage-failed': '-',
    'link-request': '-',
    'link-accept': '-',
    append: '-',
    ack: '-',
    'snapshot-page': '-',
    'snapshot-ack': '-',
    'version-query': 'version-reply:n1',
    'version-reply': '-',
    barrier: 'barrier-reply:n2',
    'barrier-reply': '-',
    'config-request': 'config:n2',
    other: '-',
  },
  only: {
    clock: '-',
    tick: '-',
    read: 'answer:values',
    changes: 'answer:changes',
    write: 'persist:entry',
    durable: 'answer:written persist:commit',
    'store-flushed': '-',
    config: 'report:member',
    lease: '-',
    'session-lost': 'answer:CONNECTION_LOST',
    incarnation: 'answer:CONNECTION_LOST',
    'peer-down': '-',
    'storage-failed': 'answer:CONNECTION_LOST',
    'link-request': '-',
    'link-accept': '-',
    append: '-',
    ack: '-',
    'snapshot-page': '-',
    'snapshot-ack': '-',
    'version-query': 'version-reply:n1',
    'version-reply': '-',
    barrier: 'barrier-reply:n2',
    'barrier-reply': '-',
    'config-request': 'config:n1',
    other: '-',
  },
  retired: {
    clock: '-',
    tick: '-',
    read: 'answer:NOT_SERVING',
    changes: 'answer:NOT_SERVING',
    write: 'answer:NOT_HEAD',
    durable: '-',
    'store-flushed': '-',
    config: '-',
    lease: '-',
    'session-lost': '-',
    incarnation: '-',
    'peer-down': '-',
    'storage-failed': '-',
    'link-request': '-',
    'link-accept': '-',
    append: '-',
    ack: '-',
    'snapshot-page': '-',
    'snapshot-ack': '-',
    'version-query': '-',
    'version-reply': '-',
    barrier: '-',
    'barrier-reply': '-',
    'config-request': 'config:n1',
    other: '-',
  },
}

describe('every role answers every event', () => {
  for (const [role, row] of Object.entries(TABLE) as [Role, Record<EventType, Expected>][]) {
    test(role, () => {
      const actual = Object.fromEntries(
        Object.keys(row).map((type) => [type, outcome(role, type as EventType)]),
      )
      expect(actual).toEqual(row)
    })
  }
})

test('EpochFence: a message of an older epoch changes nothing, and is answered with the newer configuration', () => {
  const types: ChainMessage['type'][] = [
    'link-request',
    'link-accept',
    'append',
    'ack',
    'snapshot-page',
    'snapshot-ack',
  ]
  types.push('version-query', 'version-reply', 'barrier', 'barrier-reply', 'config-request')
  for (const role of ['head', 'middle', 'tail', 'joiner', 'waiting'] as const) {
    for (const type of types) {
      const { world, server } = worldOf(role)
      const event = eventOf(type, { world, server })
      if (event.type !== 'message' || server.replica === null)
        throw new Error('a message to a server that is up')
      const before = stateOf(server)
      const effects: string[] = []
      world.onEffect = (_, effect) => effects.push(summary(effect))
      world.turn(server, [{ ...event, message: { ...event.message, epoch: asEpoch(0) } as ChainMessage }])
      expect([role, type, effects]).toEqual([role, type, [`config:${event.from}`]])
      expect(stateOf(server)).toEqual(before)
    }
  }
})

function stateOf({ replica }: ChainServer): unknown {
  if (replica === null) return null
  const { log, upstreamDurable, walDurable, serving, question, barriers, reportState } = replica
  const upstream = { ...replica.upstream }
  return structuredClone({
    log: [log.base, log.commit, log.last],
    links: [upstream, replica.downstream?.sent, replica.downstream?.received],
    rest: { upstreamDurable, walDurable, serving, question, barriers, reportState },
  })
}
