import { expect, test } from 'vitest'
import type { LogRecord, Outbox } from '../../chain/events.ts'
import { CHAIN_LIMITS } from '../../chain/limits.ts'
import { MemoryStore } from '../../chain/memory-store.ts'
import { createReplica } from '../../chain/state.ts'
import { step } from '../../chain/step.ts'
import type { ChainConfig } from '../../protocol/chain-config.ts'
import type { ChainMessage } from '../../protocol/chain-messages.ts'
import { entryBytes, type Position } from '../../protocol/entry.ts'
import {
  asChainId,
  asEpoch,
  asIncarnation,
  asKey,
  asMillis,
  asRequestId,
  asSeq,
  asServerId,
} from '../../protocol/ids.ts'
import { TRANSPORT_LIMITS } from '../../protocol/transport.ts'

const EMPTY: Position = { epoch: asEpoch(0), seq: asSeq(0) }
const [n1, n2] = [asServerId('n1'), asServerId('n2')]
const incarnation = asIncarnation(1)
const VALUE_BYTES = CHAIN_LIMITS.valueBytesMax

function bytesOf(messages: readonly ChainMessage[]): number {
  let bytes = 0
  for (const message of messages) {
    if (message.type === 'append') for (const entry of message.entries) bytes += entryBytes(entry)
    if (message.type === 'snapshot-page') for (const item of message.items) bytes += item.value.length
  }
  return bytes
}

/** A sole member that is asked for everything by a joiner, which confirms nothing. */
function soleMember() {
  const replica = createReplica({ chain: asChainId('c0'), self: n1, incarnation, store: new MemoryStore() })
  const sent: ChainMessage[] = []
  const persisted: LogRecord[] = []
  const out: Outbox = {
    persist: (record) => persisted.push(record),
    send: (_, message) => sent.push(message),
    reply: () => {},
    report: () => {},
    flushStore: () => {},
    note: () => {},
  }
  const config: ChainConfig = {
    chain: asChainId('c0'),
    epoch: asEpoch(1),
    members: [{ server: n1, incarnation, serving: true, leaving: false }],
    joining: { server: n2, incarnation },
    slots: [[0, 16_383]],
  }
  step(replica, { type: 'config', config }, out)
  let requests = 0
  const put = (key: string, bytes: number) => {
    const expiry = { type: 'set', atWallMs: asMillis(0) } as const
    const value = new Uint8Array(bytes)
    const command = { type: 'put', key: asKey(key), value, expiry, condition: null } as const
    step(replica, { type: 'write', request: asRequestId(++requests), identity: null, command }, out)
  }
  const commitAll = () => {
    const position = replica.log.lastPosition
    step(replica, { type: 'durable', position, rewrites: 0 }, out)
    step(replica, { type: 'flush' }, out)
  }
  const link = (last: Position, transfer: number) => {
    const message = {
      type: 'link-request',
      epoch: asEpoch(1),
      incarnation,
      attempt: 1,
      last,
      commit: last,
      transfer,
    } as const
    step(replica, { type: 'message', from: n2, message }, out)
    step(replica, { type: 'flush' }, out)
  }
  return { replica, sent, out, put, commitAll, link }
}

test('what is sent before anything is confirmed stays far below what a link takes: large entries after many small ones', () => {
  const { replica, sent, out, put, link } = soleMember()
  for (let i = 0; i < 5000; i++) put(`small/${i}`, 1)
  link(EMPTY, 0)
  const ack = {
    type: 'ack',
    epoch: asEpoch(1),
    attempt: 1,
    received: asSeq(5000),
    commit: asSeq(0),
    echo: asMillis(-1),
  } as const
  step(replica, { type: 'message', from: n2, message: ack }, out)
  sent.length = 0
  for (let i = 0; i < 20; i++) put(`large/${i}`, VALUE_BYTES)
  step(replica, { type: 'flush' }, out)
  expect(replica.downstream?.sent).toBeGreaterThan(5000)
  expect(bytesOf(sent)).toBeLessThan(TRANSPORT_LIMITS.queueBytesMax / 2)
})

test('entries and pages of a snapshot together stay below it, too; confirmations let more through, to the end', () => {
  const { replica, sent, out, put, commitAll, link } = soleMember()
  for (let i = 0; i < 20; i++) put(`clean/${i}`, VALUE_BYTES)
  commitAll()
  link({ epoch: asEpoch(1), seq: asSeq(99) }, -1) // nothing that both have: a snapshot
  for (let i = 0; i < 20; i++) put(`dirty/${i}`, VALUE_BYTES)
  step(replica, { type: 'flush' }, out)
  const keys = new Set<string>()
  let received = replica.downstream?.accept.from.seq ?? 0
  for (let turn = 0; turn < 100 && (keys.size < 20 || received < replica.log.last); turn++) {
    const messages = sent.splice(0)
    expect(bytesOf(messages)).toBeLessThan(TRANSPORT_LIMITS.queueBytesMax / 2)
    for (const message of messages) {
      if (message.type === 'append') received += message.entries.length
      if (message.type !== 'snapshot-page') continue
      for (const { key } of message.items) keys.add(key)
      const ack = { type: 'snapshot-ack', epoch: asEpoch(1), attempt: 1, page: message.page } as const
      step(replica, { type: 'message', from: n2, message: ack }, out)
    }
    const ack = {
      type: 'ack',
      epoch: asEpoch(1),
      attempt: 1,
      received: asSeq(received),
      commit: asSeq(0),
      echo: asMillis(-1),
    } as const
    step(replica, { type: 'message', from: n2, message: ack }, out)
    step(replica, { type: 'flush' }, out)
  }
  expect([keys.size, received]).toEqual([20, replica.log.last])
})
