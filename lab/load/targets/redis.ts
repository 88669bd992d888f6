/**
 * Redis: without WAIT one connection, and all that is outstanding pipelined on it. WAIT holds its connection up until the replicas have confirmed,
 * so with it every write has a connection of its own, as with `redis-benchmark -c 64`, and reads have one that no write holds up.
 */
import type { OpenOptions } from '../open-target.ts'
import { Connection } from '../peers/connection.ts'
import { openPeerTarget, type PeerTarget, roundRobin } from '../peers/peer-target.ts'
import { RedisSpeaker } from '../peers/redis-speaker.ts'
import type { TargetSpec } from '../target.ts'

const WRITERS_WITH_WAIT = 64

const NO_RETRIES = { retries: false }

export async function openTarget(spec: TargetSpec, options: OpenOptions = NO_RETRIES): Promise<PeerTarget> {
  if (spec.kind !== 'redis') throw new Error(`not a redis target: ${spec.kind}`)
  const dial = () => new Connection(spec.endpoint, options, (wire) => new RedisSpeaker(wire, spec.wait))
  const first = dial()
  if (spec.wait === 0) return openPeerTarget({ connections: [first], choose: roundRobin([first]) })
  const writers = Array.from({ length: WRITERS_WITH_WAIT }, dial)
  const nextWriter = roundRobin(writers)
  return openPeerTarget({
    connections: [first, ...writers],
    choose: (operation) => {
      if (operation.type === 'read') return first.open ? first : undefined
      return writers.find((writer) => writer.open && writer.pending === 0) ?? nextWriter(operation)
    },
  })
}
