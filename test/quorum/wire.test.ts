import { describe, expect, test } from 'vitest'
import { asLogIndex, asTerm } from '../../coordinator/raft/ids.ts'
import type { RaftMessage } from '../../coordinator/raft/messages.ts'
import { decodeCommand, encodeCommand, type QuorumCommand } from '../../lab/quorum/commands.ts'
import { decodeRaftMessage, encodeRaftMessage } from '../../lab/quorum/wire.ts'
import { CodecError } from '../../protocol/codec/fields.ts'
import { asKey, asMillis, asRequestNumber, asSessionId } from '../../protocol/ids.ts'

const bytes = (...values: number[]) => Uint8Array.from(values)

describe('messages of Raft', () => {
  const messages: readonly RaftMessage[] = [
    {
      type: 'append-entries',
      term: asTerm(3),
      round: 7,
      prevIndex: asLogIndex(4),
      prevTerm: asTerm(2),
      commit: asLogIndex(4),
      entries: [
        { term: asTerm(3), index: asLogIndex(5), command: null },
        { term: asTerm(3), index: asLogIndex(6), command: bytes() },
        { term: asTerm(3), index: asLogIndex(7), command: bytes(1, 2, 255) },
      ],
    },
    {
      type: 'append-reply',
      term: asTerm(3),
      round: 2 ** 40,
      outcome: { type: 'conflict', prevIndex: asLogIndex(9), xTerm: null, xIndex: null, xLen: asLogIndex(1) },
    },
    { type: 'vote-request', term: asTerm(1), lastIndex: asLogIndex(0), lastTerm: asTerm(0), transfer: false },
    {
      type: 'snapshot-chunk',
      term: asTerm(5),
      round: 1,
      serial: 1,
      meta: { lastIndex: asLogIndex(300), lastTerm: asTerm(4) },
      membership: null,
      offset: 0,
      bytes: new Uint8Array(70_000).fill(7),
      done: true,
    },
    { type: 'read-index-reply', term: asTerm(1), life: 2 ** 47, batch: 3, index: null },
  ]

  test.each(messages)('$type passes through its bytes', (message) => {
    expect(decodeRaftMessage(encodeRaftMessage(message))).toEqual(message)
  })

  test.each([[bytes()], [bytes(9)], [bytes(5, 1, 3, 200, 1)], [bytes(3, 1)]])(
    'garbage %# is refused',
    (body) => {
      expect(() => decodeRaftMessage(body)).toThrow(CodecError)
    },
  )

  test('a body with something behind its message is refused', () => {
    const body = encodeRaftMessage({ type: 'timeout-now', term: asTerm(1) })
    expect(() => decodeRaftMessage(Uint8Array.from([...body, 0]))).toThrow(CodecError)
  })
})

describe('commands', () => {
  const commands: readonly QuorumCommand[] = [
    {
      type: 'write',
      wallMs: asMillis(1_700_000_000_000.5),
      identity: {
        session: asSessionId(8),
        requestNumber: asRequestNumber(3),
        answeredBelow: asRequestNumber(2),
      },
      command: {
        type: 'put',
        key: asKey('k\u00ff'),
        value: bytes(0, 1),
        expiry: { type: 'keep' },
        condition: { type: 'absent' },
      },
    },
    { type: 'write', wallMs: asMillis(0), identity: null, command: { type: 'open-session' } },
    { type: 'expire', wallMs: asMillis(5), keys: [asKey('a'), asKey('b')] },
    { type: 'lapse', sessions: [asSessionId(1), asSessionId(2 ** 40)] },
  ]

  test.each(commands)('$type passes through its bytes', (command) => {
    expect(decodeCommand(encodeCommand(command))).toEqual(command)
  })
})
