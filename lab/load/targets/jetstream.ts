/** A key-value bucket of NATS JetStream: one connection to each server, operations round robin; direct gets, which any replica answers. */
import { randomBytes } from 'node:crypto'
import type { OpenOptions } from '../open-target.ts'
import { Connection } from '../peers/connection.ts'
import { JetStreamSpeaker } from '../peers/jetstream-speaker.ts'
import { openPeerTarget, type PeerTarget, roundRobin } from '../peers/peer-target.ts'
import type { TargetSpec } from '../target.ts'

const NO_RETRIES = { retries: false }

export async function openTarget(spec: TargetSpec, options: OpenOptions = NO_RETRIES): Promise<PeerTarget> {
  if (spec.kind !== 'jetstream') throw new Error(`not a jetstream target: ${spec.kind}`)
  const { bucket } = spec
  const connections = spec.endpoints.map((endpoint) => {
    const inbox = `_B.${randomBytes(6).toString('hex')}`
    return new Connection(endpoint, options, (wire) => new JetStreamSpeaker(wire, { bucket, inbox }))
  })
  return openPeerTarget({ connections, choose: roundRobin(connections) })
}
