/**
 * ZooKeeper: two sessions with each member. It answers a session in the order of its requests, so that reads pipelined behind writes would wait for
 * their commits; applications have many sessions, and so reads have sessions of their own.
 */
import type { OpenOptions } from '../open-target.ts'
import { Connection } from '../peers/connection.ts'
import { openPeerTarget, type PeerTarget, roundRobin } from '../peers/peer-target.ts'
import { ZooKeeperSpeaker } from '../peers/zookeeper-speaker.ts'
import type { TargetSpec } from '../target.ts'

const NO_RETRIES = { retries: false }

export async function openTarget(spec: TargetSpec, options: OpenOptions = NO_RETRIES): Promise<PeerTarget> {
  if (spec.kind !== 'zookeeper') throw new Error(`not a zookeeper target: ${spec.kind}`)
  const dial = (endpoint: string) =>
    new Connection(endpoint, options, (wire) => new ZooKeeperSpeaker(wire, spec.reads === 'sync'))
  const readers = spec.endpoints.map(dial)
  const writers = spec.endpoints.map(dial)
  const nextReader = roundRobin(readers)
  const nextWriter = roundRobin(writers)
  return openPeerTarget({
    connections: [...readers, ...writers],
    choose: (operation) => (operation.type === 'read' ? nextReader(operation) : nextWriter(operation)),
  })
}
