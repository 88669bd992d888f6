import { expect, test } from 'vitest'
import { asMemberId, asProposalId, asTerm } from '../../../coordinator/raft/ids.ts'
import { type Command, decodeCommand, encodeCommand } from '../../../coordinator/znodes/command.ts'
import { FrameError } from '../../../protocol/frame.ts'
import { Forwarder } from '../../../runtime/coordinator/forwarder.ts'

const SELF = asMemberId('coordinator-1')
const OTHER = asMemberId('coordinator-2')

function forwarder() {
  const effects: string[] = []
  const subject = new Forwarder({
    self: SELF,
    number: 1,
    services: {
      sendCommand: (leader, bytes) => effects.push(`send ${leader} order=${decodeCommand(bytes).order}`),
      sendRejected: (member, connection) => effects.push(`rejected ${member} ${connection}`),
      heard: (session) => effects.push(`heard ${session}`),
      closeClient: (connection) => {
        effects.push(`close ${connection}`)
        subject.drop(connection)
      },
      touched: () => {},
      wallMs: () => 1234,
    },
  })
  return { subject, take: () => effects.splice(0) }
}

const command = (connection: number, order: number, member = 1): Command => ({
  timeWallMs: 0,
  session: 5n,
  owner: { member, connection },
  order,
  identities: null,
  op: { type: 'delete', path: '/x', version: -1 },
})

test('without a leader commands wait; none of them was sent, so none is lost', () => {
  const { subject, take } = forwarder()
  subject.forward(command(7, 1))
  subject.onRole(null, asTerm(1))
  expect(take()).toEqual([])
  subject.onRole(OTHER, asTerm(2))
  expect(take()).toEqual([`send ${OTHER} order=1`])
})

test('a new leader closes exactly the connections whose commands went to the old one', () => {
  const { subject, take } = forwarder()
  subject.onRole(OTHER, asTerm(1))
  subject.forward(command(7, 1))
  subject.forward(command(8, 1))
  subject.forward(command(8, 2))
  subject.onApplied(command(7, 1))
  subject.onApplied(command(8, 1))
  take()
  subject.onRole(null, asTerm(1))
  subject.forward(command(7, 2))
  subject.forward(command(8, 3))
  subject.onRole(SELF, asTerm(2))
  expect(take()).toEqual(['close 8', 'heard 5'])
  expect(subject.takeProposals().map(({ command: bytes }) => decodeCommand(bytes).owner?.connection)).toEqual(
    [7],
  )
})

test('the same leader in the same term is no new one', () => {
  const { subject, take } = forwarder()
  subject.onRole(OTHER, asTerm(1))
  subject.forward(command(7, 1))
  subject.onRole(null, asTerm(1))
  subject.onRole(OTHER, asTerm(1))
  expect(take()).toEqual([`send ${OTHER} order=1`])
})

test('a lost link to the leader closes what was sent to it; one to another member nothing', () => {
  const { subject, take } = forwarder()
  subject.onRole(OTHER, asTerm(1))
  subject.forward(command(7, 1))
  subject.onLinkLost(asMemberId('coordinator-3'))
  subject.onLinkLost(OTHER)
  subject.onLinkLost(OTHER)
  expect(take()).toEqual([`send ${OTHER} order=1`, 'close 7'])
})

test('the leader stamps and proposes what peers forward, and tells them what it did not propose', () => {
  const { subject, take } = forwarder()
  subject.onRole(SELF, asTerm(3))
  subject.onForwarded(OTHER, encodeCommand(command(40, 1, 2)))
  subject.forward(command(7, 1))
  const proposals = subject.takeProposals()
  expect(proposals.map(({ command: bytes }) => decodeCommand(bytes).timeWallMs)).toEqual([1234, 1234])
  subject.onRejected(asProposalId(0))
  subject.onRejected(asProposalId(1))
  expect(take()).toEqual(['heard 5', 'heard 5', `rejected ${OTHER} 40`, 'close 7'])
})

test('who does not lead rejects at once; who sends garbage is cut off', () => {
  const { subject, take } = forwarder()
  subject.onRole(OTHER, asTerm(3))
  subject.onForwarded(OTHER, encodeCommand(command(40, 1, 2)))
  expect(take()).toEqual([`rejected ${OTHER} 40`])
  expect(() => subject.onForwarded(OTHER, Uint8Array.of(1, 2, 3))).toThrow(FrameError)
})
